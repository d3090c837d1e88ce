import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { withSession, type Session } from './session.ts'
import { token } from './daemon.ts'

/**
 * Messages reach the page, and whatsapp-web.js does not tell of them: read back at once, and told
 * of again by the gentlest step that helps.
 */

t.setTimeout(900_000)

const ana = '+5215512345678'
/** Only what is done about a stall reads back here, not the interval. */
const env = { BACKFILL_INTERVAL: '1h', RECONNECT_MIN_DELAY: '100ms', RECONNECT_MAX_DELAY: '100ms' }

const steps = ({ daemon }: Session): unknown[] =>
  daemon.lines.filter(({ event }) => event === 'stall').map(({ step }) => step)
const times = async ({ daemon }: Session, step: string): Promise<number> => {
  const answer = await fetch(`${daemon.url}/metrics`, {
    headers: { authorization: `Bearer ${token}` }
  })
  return Number(
    new RegExp(`^stall_steps_total\\{step="${step}"\\} (\\d+)`, 'm').exec(
      await answer.text()
    )?.[1] ?? 0
  )
}

/** Resolves once nothing is read back: between two runs in a row there is less than one poll. */
const readBackEnds = async (session: Session): Promise<void> => {
  for (let idle = 0; idle < 2; await delay(50))
    idle = (await session.status()).backfill.running ? 0 : idle + 1
}

for (const [cure, expected] of [
  ['reinject', ['re-inject']],
  ['reload', ['re-inject', 'reload']],
  ['restart', ['re-inject', 'reload', 'restart']]
] as const) {
  t.test(`a silence that ends by ${cure}`, (t) =>
    withSession(t, { linked: true, env }, async (session) => {
      const { web } = session
      const ids: string[] = []
      const write = (text: string): string =>
        ids[ids.push(web.phone.text({ from: ana, text }).id) - 1] as string
      const came = async (id: string): Promise<string> =>
        (await session.record(({ kind, message }) => kind === 'message' && message.id === id))
          .source
      await session.daemon.seen('stall_watch')
      t.equal(await came(write('before')), 'live')

      web.stall(true, cure)
      for (const [index, step] of expected.entries()) {
        const taken = session.next('stall')
        // also once it listens anew, only what comes then has to be told of
        const done = session.next('stall_watch', undefined, 60_000)
        t.equal(await came(write(`in silence ${index}`)), 'backfill', 'it is read back at once')
        t.match(await taken, {
          level: 'warn',
          step,
          messages: 1,
          reason: 'messages reach the page, but whatsapp-web.js does not tell of them'
        })
        const watched = await done
        // what came until then was read back; what comes now is told of, or not
        const { lines } = session.daemon
        await session.daemon.seen(
          'backfill',
          (line) => lines.indexOf(line) > lines.indexOf(watched)
        )
      }
      await readBackEnds(session)
      const over = session.next('stall_over')
      const last = write('after')
      t.equal(await came(last), 'live', 'it is told of again')
      await over
      t.same(steps(session), expected, 'each step once, the gentlest first')
      for (const step of expected) t.equal(await times(session, step), 1, step)
      t.notOk((await session.status()).reason, 'nothing is wrong any more')
      t.same(
        (await session.records()).map(({ message }) => message.id),
        ids,
        'nothing is lost, nothing twice, all in order'
      )
      t.equal(
        session.daemon.lines.filter(({ event }) => event === 'connect_attempt').length,
        cure === 'restart' ? 2 : 1
      )
    })
  )
}
