import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'

/**
 * Asks for a URL so often, one after the other on one connection. @returns how long each took, ms.
 * @throws when an answer is not 2xx
 */
export const askInTurn = async (urls: readonly string[], bearer: string): Promise<number[]> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (const url of urls) {
    const started = performance.now()
    const req = request(url, { agent, headers: { authorization: `Bearer ${bearer}` } }).end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    res.resume()
    await once(res, 'end')
    if (res.statusCode === undefined || res.statusCode >= 300)
      throw new Error(`${url} answered ${res.statusCode}`)
    times.push(performance.now() - started)
  }
  agent.destroy()
  return times
}
