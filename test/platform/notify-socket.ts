import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/**
 * A NOTIFY_SOCKET of the test's own. Node has no datagram sockets of AF_UNIX, so Python holds it
 * and prints what comes.
 */
export interface NotifySocket {
  path: string
  /** Each datagram as it came, with when it came (ms). */
  received: { state: string; at: number }[]
  /** The first datagram, past or to come, that fits. */
  seen(fits: RegExp, ms?: number): Promise<string>
}

const program = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps("bound"), flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`

export const notifySocket = async (t: Test): Promise<NotifySocket> => {
  // sun_path holds 108 bytes: the test's own directory may be too long
  const directory = await mkdtemp(join(tmpdir(), 'lm-notify-'))
  const path = join(directory, 's')
  const python = spawn('/usr/bin/python3', ['-c', program, path], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const received: { state: string; at: number }[] = []
  const news = new EventEmitter().setMaxListeners(0)
  createInterface(python.stdout).on('line', (line) => {
    received.push({ state: JSON.parse(line) as string, at: Date.now() })
    news.emit('datagram')
  })
  const ended = once(python, 'close')
  t.teardown(async () => {
    python.kill('SIGKILL')
    await ended
    await rm(directory, { recursive: true })
  })
  while (received.length === 0) await once(news, 'datagram')
  received.shift()
  return {
    path,
    received,
    seen: async (fits, ms = 15_000) => {
      const signal = AbortSignal.timeout(ms)
      for (;;) {
        const found = received.find(({ state }) => fits.test(state))
        if (found) return found.state
        await once(news, 'datagram', { signal }).catch(() => {
          throw new Error(
            `no datagram ${fits} within ${ms} ms; received: ${JSON.stringify(received.map(({ state }) => state))}`
          )
        })
      }
    }
  }
}
