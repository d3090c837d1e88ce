import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Client } from '../../client/index.ts'
import type { MessageImportResult } from '../../contract/import.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { clean } from '../text.ts'
import { command, Fault, type Context } from './command.ts'

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

It exits with 1 when a line was refused; all others are imported.

options:
  --account ACCOUNT     of this WhatsApp account; needed when there are several
  --dry-run             only says what would be made, changed and refused`

/** Lines of the file that go in one request. */
interface Part {
  /** The number of its first line in the file. */
  first: number
  text: string
}

const open = (file: string): NodeJS.ReadableStream =>
  file === '-' ? process.stdin : createReadStream(file)

/** Reads a file in parts, so that a large one does not fill the memory. @throws {Fault} */
async function* partsOf(file: string, signal: AbortSignal): AsyncGenerator<Part> {
  let part = { first: 1, lines: 0, text: '' }
  try {
    for await (const line of createInterface({ input: open(file), signal })) {
      const isFull = part.lines >= maxLines || part.text.length + line.length > maxBytes
      if (isFull && part.lines > 0) {
        yield part
        part = { first: part.first + part.lines, lines: 0, text: '' }
      }
      part.text += `${line}\n`
      part.lines += 1
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined || signal.aborted) throw error
    throw new Fault(`cannot read ${file}: ${code}`)
  }
  if (part.lines > 0) yield part
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

const run = async (
  { account, 'dry-run': isTrial = false }: { account?: string; 'dry-run'?: boolean },
  { hub: find, signal, say, note }: Context,
  file: string
): Promise<number> => {
  const hub = find()
  const totals = new Totals()
  const query = omitUndefined({ account, dry_run: isTrial ? true : undefined })
  for await (const part of partsOf(file, signal))
    note(totals.add(await send(hub, part, query, signal), part.first))
  say(totals.describe(isTrial))
  return totals.rejected === 0 ? 0 : 1
}

export const importFile = command({
  name: 'import',
  summary: 'Imports leads and messages of a file, such as those of another LeadMaster',
  help,
  operand: 'FILE',
  options: { account: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  run
})
