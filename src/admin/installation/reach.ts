import { request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { readProxy, tunnelStatus } from '../../platform/proxy.ts'

/** Whether this machine reaches a page on the internet, directly or by a proxy. */

/** The time for a look-up, a connection and an answer together, ms. */
const reachMs = 10_000

/** A connection error in plain words. @param place the destination, such as `web.whatsapp.com` */
const describeError = (error: NodeJS.ErrnoException, place: string): string => {
  const { code, message } = error
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${place} cannot be looked up (${code})`
    case 'ECONNREFUSED':
      return `nothing listens at ${place} (ECONNREFUSED)`
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `there is no way to ${place} (${code})`
    case 'ERR_PROXY_TUNNEL':
      return describeTunnelError(tunnelStatus(error), place)
    case 'ETIMEDOUT':
    case 'ABORT_ERR':
      return `${place} does not answer within ${reachMs / 1_000} s`
    default:
      return `${place} cannot be reached (${code ?? message})`
  }
}

const describeTunnelError = (status: string | undefined, place: string): string => {
  if (status === '407')
    return 'the proxy does not take the user and password of PROXY_URL (HTTP 407)'
  const suffix = status === undefined ? '' : ` (HTTP ${status})`
  return `the proxy refuses a connection to ${place}${suffix}`
}

/** Only connects. @returns why it cannot, undefined when it can */
const whyNoConnection = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(reachMs) })
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error) => resolve(describeError(error, `${host}:${port}`)))
  })

/**
 * Requests a page as Chromium would. An answer of any status counts.
 * @returns why nothing answers, undefined when something does
 */
const whyNoAnswer = (url: string, proxyUrl: string): Promise<string | undefined> => {
  const proxyEnv = proxyUrl === '' ? {} : { HTTPS_PROXY: proxyUrl, HTTP_PROXY: proxyUrl }
  const { protocol, hostname } = new URL(url)
  const request = protocol === 'https:' ? httpsRequest : httpRequest
  const agent = protocol === 'https:' ? { agent: new HttpsAgent({ proxyEnv }) } : {}
  return new Promise((resolve) => {
    const asking = request(
      url,
      { ...agent, method: 'HEAD', signal: AbortSignal.timeout(reachMs) },
      (answer) => {
        answer.destroy()
        resolve(undefined)
      }
    )
    asking.on('error', (error) => resolve(describeError(error, hostname)))
    asking.end()
  })
}

/**
 * Why this machine cannot reach a page on the internet.
 * @param proxyUrl the value of PROXY_URL; empty: without a proxy
 * @returns the reason in plain words, undefined when it can
 */
export const whyUnreachable = async (
  url: string,
  proxyUrl: string
): Promise<string | undefined> => {
  const proxy = readProxy(proxyUrl)
  if (proxy !== undefined) {
    const { hostname, port } = new URL(proxy.server)
    const usualPort = proxy.server.startsWith('https:') ? 443 : 80
    const why = await whyNoConnection(hostname.replace(/^\[|\]$/g, ''), Number(port || usualPort))
    if (why !== undefined) return `the proxy of PROXY_URL: ${why}`
  }
  return whyNoAnswer(url, proxyUrl)
}
