import type { Config } from '../config.ts'
import type { Environment } from '../environment.ts'
import type { Networks } from '../network/networks.ts'
import { openNetworks } from '../network/open-networks.ts'
import type { Paths } from '../paths.ts'

export const makeNetworks = ({ config, paths, environment }: { config: Config; paths: Paths; environment: Environment }): Networks => openNetworks({
  networksDir: paths.networks, configDirs: config.network.configDirs, pluginDirs: config.network.cniPluginDirs,
  cacheDir: paths.networkCache, netnsDir: paths.netns, locksDir: paths.locks,
  reservedDirs: ['/etc/containers/networks'], defaultName: config.network.defaultNetwork,
  ...(config.network.defaultSubnet === '' ? {} : { defaultSubnet: config.network.defaultSubnet }), subnetPools: config.network.defaultSubnetPools,
})
