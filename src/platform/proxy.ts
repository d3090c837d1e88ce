/** The proxy by which a daemon reaches the outside, as PROXY_URL names it. */
export interface Proxy {
  /** With user and password, where they are wanted. */
  url: string
  /** Scheme, host and port: what may be shown. */
  server: string
  username: string
  password: string
}

/**
 * What a proxy answered instead of opening the way, by the error of Node's (ERR_PROXY_TUNNEL);
 * undefined: nothing.
 */
export const tunnelStatus = ({ message }: Error): string | undefined =>
  / HTTP\/1\.\d (\d{3})/.exec(message)?.[1]

/** @param url as the environment's `proxyUrl` accepts it; empty when there is no proxy */
export const readProxy = (url: string): Proxy | undefined => {
  if (url === '') return undefined
  const { protocol, hostname, port, username, password } = new URL(url)
  const usualPort = protocol === 'https:' ? 443 : 80
  return {
    url,
    server: `${protocol}//${hostname}:${port === '' ? usualPort : port}`,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password)
  }
}
