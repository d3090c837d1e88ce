import { pages, type Lead, type LeadState } from '../../client/index.ts'
import { LeadState as States } from '../../contract/lead.ts'
import { command, meant, UsageError, wholeNumber } from './command.ts'
import { clean, cut, jsonLine, paint, since, table } from '../text.ts'
import { inWords } from './words.ts'

const help = `Who waits for an answer, the longest first. With --state, --q, --source, \
--ad or --all, those who do not wait come after them.

options:
  --state STATE[,…]     new, open, won, lost, ignored
  --q WORDS             in names, phones and messages
  --account NAME        of this account only
  --source ad           who came from an ad first
  --ad ID               who came from this ad first, by Meta's id
  --all                 whoever wrote, waiting or not
  --limit N             how many at most; 50 unless given
  --json                one lead a line, as the API gives it`

const states = States.anyOf.map(({ const: state }) => state)

const stateList = (given: string): LeadState[] =>
  given.split(',').map((each) => {
    const state = states.find((known) => known === each.trim())
    if (state === undefined)
      throw new UsageError(
        `--state: there is no state ${JSON.stringify(each)}${meant(each, states)}`
      )
    return state
  })

const sourceOf = (given: string | undefined): 'ad' | undefined => {
  if (given === undefined || given === 'ad') return given
  throw new UsageError(`--source: expected ad, not ${JSON.stringify(given)}`)
}

const row = (
  { id, name, phone, lid, state, waiting_since, unread_count, last_message, account }: Lead,
  accounts: boolean
): string[] => [
  waiting_since === null ? '' : since(waiting_since),
  String(id),
  ...(accounts ? [clean(account)] : []),
  cut(clean(name ?? ''), 24),
  clean(phone ?? lid ?? ''),
  state,
  unread_count === 0 ? '' : String(unread_count),
  last_message === null ? '' : `${last_message.from_me ? '→ ' : ''}${inWords(last_message)}`
]

/** A table of leads, cut to the width of the terminal. */
const draw = (leads: readonly Lead[], columns: number): string => {
  const accounts = new Set(leads.map(({ account }) => account)).size > 1
  const heading = [
    'WAITS',
    'ID',
    ...(accounts ? ['ACCOUNT'] : []),
    'NAME',
    'PHONE',
    'STATE',
    'UNREAD',
    'LAST MESSAGE'
  ]
  const [first = '', ...lines] = table([heading, ...leads.map((lead) => row(lead, accounts))])
    .trimEnd()
    .split('\n')
    .map((line) => cut(line, columns))
  return `${[paint('bold', first), ...lines].join('\n')}\n`
}

export const leads = command({
  name: 'leads',
  summary: 'Lists leads',
  help,
  options: {
    state: { type: 'string' },
    q: { type: 'string' },
    account: { type: 'string' },
    source: { type: 'string' },
    ad: { type: 'string' },
    all: { type: 'boolean' },
    limit: { type: 'string', default: '50' },
    json: { type: 'boolean' }
  },
  run: async (
    { state, q, account, source, ad, all, limit, json },
    { hub: find, signal, say, note, columns }
  ) => {
    const max = wholeNumber('limit', limit, 1, 100_000)
    const filter = {
      account,
      q,
      ad,
      source: sourceOf(source),
      state: state === undefined ? undefined : stateList(state),
      limit: Math.min(max + 1, 200)
    }
    const hub = find()
    const found: Lead[] = []
    const onlyWaiting = [state, q, source, ad].every((given) => given === undefined) && all !== true
    for (const waiting of onlyWaiting ? [true] : [true, false]) {
      if (found.length > max) break
      // One lead more than is shown tells whether there are more.
      for await (const page of pages(
        (input: typeof filter & { cursor?: string }) =>
          hub.listLeads({ ...input, waiting }, { signal }),
        filter
      )) {
        found.push(...page.leads)
        if (found.length > max) break
      }
    }
    const shown = found.slice(0, max)
    if (json) say(shown.map(jsonLine).join(''))
    else if (shown.length > 0) say(draw(shown, columns))
    else
      note(
        onlyWaiting
          ? 'Nobody waits for an answer. leadmaster leads --all lists the others too.\n'
          : 'There is no such lead.\n'
      )
    if (found.length > max) note(`There are more: --limit ${max * 2} shows some of them.\n`)
    return 0
  }
})
