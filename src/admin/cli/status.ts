import { LeadMasterError, type Client, type Readiness } from '../../client/index.ts'
import { command } from './command.ts'
import { askSession, sessionInWords } from './session.ts'
import { clean, paint, since, table } from '../text.ts'

const help = `The WhatsApp session of each account, what works and how to mend what does not, \
and how many wait for an answer.
Exits 0 when all is well: all checks pass, and every session is READY. Otherwise 1.

options:`

/** A row for each account, and whether all are READY. */
const sessions = async (
  hub: Client,
  signal: AbortSignal
): Promise<{ ready: boolean; rows: string[][] }> => {
  const { accounts } = await hub.listAccounts({}, { signal })
  let ready = true
  const rows = await Promise.all(
    accounts.map(async ({ account }, index) => {
      const named = index === 0 ? undefined : (account ?? undefined)
      const session = await askSession(hub, named, signal)
      const isReady = !(session instanceof LeadMasterError) && session.status === 'READY'
      ready &&= isReady
      const [status, words] =
        session instanceof LeadMasterError
          ? ['UNKNOWN', session.message]
          : [session.status, sessionInWords(session, named)]
      return [clean(account ?? 'main'), paint(isReady ? 'green' : 'yellow', status), clean(words)]
    })
  )
  return { ready, rows }
}

const checks = ({ checks }: Readiness): string[][] =>
  checks.map(({ name, ok, detail }) => [
    clean(name),
    ok ? paint('green', 'ok') : paint(['red', 'bold'], 'fault'),
    clean(detail)
  ])

const waiting = async (hub: Client, signal: AbortSignal): Promise<string> => {
  const {
    waiting: { now, longest_since: longest }
  } = await hub.getStats({ days: 1 }, { signal })
  if (now === 0 || longest === null) return 'Nobody waits for an answer.'
  return (
    `${now === 1 ? '1 lead waits' : `${now} leads wait`} for an answer, ` +
    `${now === 1 ? '' : 'the longest '}for ${since(longest)}: leadmaster leads`
  )
}

export const status = command({
  name: 'status',
  summary: 'Shows whether all is well',
  help,
  options: {},
  run: async (_values, { hub: find, signal, say }) => {
    const hub = find()
    const readiness = await hub.getReadiness({}, { signal })
    const { ready, rows } = await sessions(hub, signal)
    const isWell = readiness.ready && ready
    const verdict = isWell
      ? paint('green', 'All is well.')
      : paint(['red', 'bold'], 'Something is not well.')
    say(`${verdict}\n\n`)
    say(`${table(rows)}\n${table(checks(readiness))}\n`)
    say(`${await waiting(hub, signal)}\n`)
    return isWell ? 0 : 1
  }
})
