import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import type { Client } from '../../client/index.ts'
import type { MessageImportResult } from '../../contract/import.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { clean } from '../text.ts'
import { command, Fault, UsageError, type Context } from './command.ts'
import { linesOfChat, readChat, type DateOrder } from './whatsapp-chat.ts'

/** `leadmaster import`: leads and messages of a file, by the hub's REST. */

/** One request has at most so many lines and bytes; the hub takes 5,000 and 10 MB. */
const maxLines = 2_000
const maxBytes = 4_000_000
const maxErrors = 20

const help = `FILE has one lead or message on each line, as JSON (JSON Lines), \
as LeadMaster exports them: /api/leads.jsonl,
/api/messages.jsonl, and lead.json and messages.jsonl of a lead's ZIP file. - is stdin. \
Put leads before messages.

  {"phone":"+525512345678","name":"Ana","state":"open","note":"","tags":["vip"],"assignee":null}
  {"id":"m1","phone":"+525512345678","from_me":false,"timestamp":1795600800,"body":"Hola"}

A line with from_me is a message; timestamp is in UNIX seconds. Importing twice changes nothing, \
and what was captured
wins. Nobody waits because of an import, and no webhook has a message of an import. \
A person whose data was deleted on request
does not come back. Media files are not imported. It needs a token of an admin.

With --whatsapp-chat, FILE is the text that WhatsApp writes by "Export chat" of one person. \
Its messages have neither a number nor
an id: say --phone and --me. Times are of this machine's time zone. Messages from the first \
one on that was captured are left out, and
so are lines that WhatsApp itself wrote.

It exits with 1 when a line was refused; all others are imported.

options:
  --account ACCOUNT     of this WhatsApp account; needed when there are several
  --dry-run             only says what would be made, changed and refused
  --whatsapp-chat       FILE is a chat that WhatsApp exported as text
  --phone NUMBER        whose chat it is, such as +525512345678
  --me NAME             the name of this account in the file
  --dates dmy|mdy       how its dates are written, when both could be meant`

/** Lines of the file that go in one request. */
interface Part {
  /** The number of its first line in the file. */
  first: number
  text: string
}

const open = (file: string): NodeJS.ReadableStream =>
  file === '-' ? process.stdin : createReadStream(file)

/** What reading a file throws, in plain words. */
const readFault = (error: unknown, file: string, signal: AbortSignal): unknown => {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined || signal.aborted ? error : new Fault(`cannot read ${file}: ${code}`)
}

async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: open(file), signal })
  } catch (error) {
    throw readFault(error, file, signal)
  }
}

/** Puts lines together to parts, so that a large file does not fill the memory. */
async function* partsOf(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Part> {
  let part = { first: 1, lines: 0, text: '' }
  for await (const line of lines) {
    const isFull = part.lines >= maxLines || part.text.length + line.length > maxBytes
    if (isFull && part.lines > 0) {
      yield part
      part = { first: part.first + part.lines, lines: 0, text: '' }
    }
    part.text += `${line}\n`
    part.lines += 1
  }
  if (part.lines > 0) yield part
}

interface ChatOptions {
  phone: string
  me: string
  dates?: DateOrder | undefined
}

/** When the first message of a person was captured, UNIX seconds; undefined: none was. */
const capturedFrom = async (
  hub: Client,
  { phone, account }: { phone: string; account: string | undefined },
  signal: AbortSignal
): Promise<number | undefined> => {
  const { leads } = await hub.listLeads(omitUndefined({ phone, account, limit: 1 }), { signal })
  const [lead] = leads
  return lead === undefined ? undefined : Math.floor(Date.parse(lead.first_seen_at) / 1_000)
}

/** The lines of an exported chat, as far as none of its messages was captured. */
const linesOfFile = async (
  file: string,
  { phone, me, dates }: ChatOptions,
  account: string | undefined,
  { hub, note, signal }: Context
): Promise<string[]> => {
  const content = await text(open(file)).catch((error: unknown) => {
    throw readFault(error, file, signal)
  })
  const { messages, leftOut } = readChat(content, dates)
  const before = await capturedFrom(hub(), { phone, account }, signal)
  const lines = linesOfChat(messages, { phone, me, before })
  const captured = messages.length - lines.length
  note(
    `Left out: ${leftOut} lines of WhatsApp itself, and ${captured} messages since the first ` +
      'one that is there.\n'
  )
  return lines.map((line) => JSON.stringify(line))
}

const isDateOrder = (text: string): text is DateOrder => text === 'dmy' || text === 'mdy'

/** @throws {UsageError} */
const chatOptions = ({ phone, me, dates }: Given): ChatOptions => {
  if (phone === undefined || !/^\+[1-9]\d{6,14}$/.test(phone))
    throw new UsageError('say --phone NUMBER with its country code, such as +525512345678')
  if (dates !== undefined && !isDateOrder(dates))
    throw new UsageError('--dates: expected dmy or mdy')
  return { phone, me: me ?? '', dates }
}

/** What became of all parts. */
class Totals {
  readonly #newLeads = new Set<string>()
  readonly leads = { changed: 0, unchanged: 0 }
  readonly messages = { created: 0, unchanged: 0 }
  rejected = 0
  #shownErrors = 0

  /** @returns what is wrong, as lines of text, until enough were shown */
  add(result: MessageImportResult, first: number): string {
    const { leads, messages, new_leads, rejected, errors } = result
    // A trial makes nothing, so the parts after it make the same leads again.
    for (const lead of new_leads) this.#newLeads.add(lead)
    this.leads.changed += leads.changed
    this.leads.unchanged += leads.unchanged
    this.messages.created += messages.created
    this.messages.unchanged += messages.unchanged
    this.rejected += rejected
    const shown = errors.slice(0, maxErrors - this.#shownErrors)
    this.#shownErrors += shown.length
    return shown
      .map(({ line, field, message }) => `line ${line + first - 1}, ${clean(field)}: ${message}\n`)
      .join('')
  }

  describe(isTrial: boolean): string {
    const be = isTrial ? 'would be' : 'were'
    return (
      `Leads: ${this.#newLeads.size} ${be} made, ${this.leads.changed} ${be} changed, ` +
      `${this.leads.unchanged} are as they were.\n` +
      `Messages: ${this.messages.created} ${be} made, ` +
      `${this.messages.unchanged} are there already.\n` +
      `Lines refused: ${this.rejected}.\n`
    )
  }
}

const send = async (
  hub: Client,
  { text }: Part,
  query: { account?: string; dry_run?: boolean },
  signal: AbortSignal
): Promise<MessageImportResult> =>
  hub.importMessages({ ...query, body: text, contentType: 'application/x-ndjson' }, { signal })

interface Given {
  account?: string
  'dry-run'?: boolean
  'whatsapp-chat'?: boolean
  phone?: string
  me?: string
  dates?: string
}

const run = async (given: Given, context: Context, file: string): Promise<number> => {
  const { account, 'dry-run': isTrial = false } = given
  const { hub: find, signal, say, note } = context
  const chat = given['whatsapp-chat'] === true ? chatOptions(given) : undefined
  const hub = find()
  const lines =
    chat === undefined ? linesOf(file, signal) : await linesOfFile(file, chat, account, context)
  const totals = new Totals()
  const query = omitUndefined({ account, dry_run: isTrial ? true : undefined })
  for await (const part of partsOf(lines))
    note(totals.add(await send(hub, part, query, signal), part.first))
  say(totals.describe(isTrial))
  return totals.rejected === 0 ? 0 : 1
}

export const importFile = command({
  name: 'import',
  summary: 'Imports leads and messages of a file, such as those of another LeadMaster',
  help,
  operand: 'FILE',
  options: {
    account: { type: 'string' },
    'dry-run': { type: 'boolean' },
    'whatsapp-chat': { type: 'boolean' },
    phone: { type: 'string' },
    me: { type: 'string' },
    dates: { type: 'string' }
  },
  run
})
