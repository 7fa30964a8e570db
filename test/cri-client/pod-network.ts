/** Of pods, whoever runs them. */
export const CNI = {
  cniVersion: '0.4.0', name: 'cri-client', plugins: [
    { type: 'bridge', bridge: 'cri0', isGateway: true, ipam: { type: 'host-local', dataDir: '/run/cri-client-ipam', ranges: [[{ subnet: '10.77.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}
