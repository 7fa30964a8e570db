/** What a proxy did wrong: told as it is, and not tried again. Its user and password are not in it. */
export const proxyError = (proxy: URL, what: string): Error => Object.assign(new Error(`the proxy ${proxy.host} ${what}`), { code: 'EPROXY' })

/** Marks a connection's error as one of the way to the proxy, not to the registry. */
export const ofProxy = (error: Error, proxy: URL): Error => Object.assign(error, { proxy: proxy.host })
