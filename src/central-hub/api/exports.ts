import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { CountryCode } from 'libphonenumber-js'
import type { Query } from '../../contract/api/operations.ts'
import type { Lead, Message } from '../../contract/lead.ts'
import type { OperationId } from '../../contract/routes.ts'
import type { Response } from '../../platform/http/http.ts'
import { invalid } from '../../platform/http/problem.ts'
import { isTimeZone } from '../store/read/days.ts'
import {
  csvFormat,
  csvHead,
  csvRows,
  isLanguage,
  type CsvOptions
} from '../spreadsheet/csv-format.ts'
import { listLeads } from '../store/read/leads.ts'
import { listMessages } from '../store/read/messages.ts'
import { oneLine } from '../store/write/names.ts'
import type { Page, Position } from '../store/read/page.ts'
import type { Db } from '../store/database/schema.ts'
import { recordAudit } from './record-audit.ts'
import { leadFilter } from './leads.ts'
import { messageFilter } from './messages.ts'
import { contentCells, contentColumns } from './content-cells.ts'
import type { Serve } from './serve.ts'

/** Exports read one page at a time, as fast as the client reads. Other requests run in between. */
const pageSize = 200
/** A client that reads nothing for this long is disconnected, ms. */
const stallMs = 60_000

/** All items of a list, a page at a time. */
export async function* exportPages<T>(
  read: (limit: number, after?: Position) => Promise<Page<T>>
): AsyncGenerator<T[]> {
  for (let after: Position | undefined; ; ) {
    const { items, next } = await read(pageSize, after)
    yield items
    if (next === undefined) return
    after = next
    await turn()
  }
}

const leadCells = (lead: Lead): Record<string, unknown> => {
  const { last_message, tags, source, ...same } = lead
  return {
    ...same,
    // The import accepts only names of one line.
    name: lead.name === null ? null : oneLine(lead.name),
    whatsapp_name: lead.whatsapp_name === null ? null : oneLine(lead.whatsapp_name),
    tags: tags.join(', '),
    last_message: last_message?.body ?? null,
    source: source?.kind ?? null,
    ad_title: source?.title ?? null,
    ad_id: source?.id ?? null,
    ad_app: source?.app ?? null,
    ad_url: source?.url ?? null,
    ad_at: source?.at ?? null
  }
}
const leadColumns = [
  'id',
  'account',
  'phone',
  'name',
  'whatsapp_name',
  'state',
  'tags',
  'assignee',
  'note',
  'first_seen_at',
  'last_seen_at',
  'waiting_since',
  'unanswered_count',
  'unread_count',
  'last_message',
  'updated_at',
  'chat_id',
  'lid',
  'source',
  'ad_title',
  'ad_id',
  'ad_app',
  'ad_url',
  'ad_at',
  'handled_at',
  'entered_at',
  'remind_at'
]

const messageCells = (message: Message): Record<string, unknown> => ({
  ...message,
  ...contentCells(message),
  media_type: message.media?.mimetype ?? null,
  media_filename: message.media?.filename ?? null
})
const messageColumns = [
  'id',
  'account',
  'lead_id',
  'chat_id',
  'phone',
  'name',
  'from_me',
  'author',
  'type',
  'body',
  'sent_at',
  'captured_at',
  'edited_at',
  'revoked_at',
  'media_type',
  'media_filename',
  'quoted_id',
  'from',
  'to',
  ...contentColumns,
  'kind'
]

interface Format<T> {
  type: string
  extension: string
  /** The text before the first page. */
  head: string
  text: (items: T[]) => string
}

/** @throws {ProblemError} invalid-parameters */
export const csv = <T>(
  columns: string[],
  cells: (item: T) => Record<string, unknown>,
  options: CsvOptions
): Format<T> => {
  const { excel, tz } = options
  if (excel !== undefined && !isLanguage(excel))
    throw invalid({
      in: 'query',
      field: 'excel',
      message: 'expected a language such as es, pt-BR or en-US'
    })
  if (tz !== undefined && !isTimeZone(tz))
    throw invalid({
      in: 'query',
      field: 'tz',
      message: 'expected an IANA time zone, such as America/Mexico_City'
    })
  const format = csvFormat(options)
  return {
    type: 'text/csv; charset=utf-8; header=present',
    extension: 'csv',
    head: csvHead(format, columns),
    text: (items) => csvRows(format, columns, items.map(cells))
  }
}
const jsonLines: Format<unknown> = {
  type: 'application/x-ndjson',
  extension: 'jsonl',
  head: '',
  text: (items) => items.map((item) => `${JSON.stringify(item)}\n`).join('')
}

/** Begins the answer with a file. @param extension without the dot */
export const beginFile = (
  res: Response,
  { type, name, extension }: { type: string; name: string; extension: string }
): void => {
  const date = new Date().toISOString().slice(0, 10)
  res.writeHead(200, {
    'content-type': type,
    'content-disposition': `attachment; filename="${name}-${date}.${extension}"`,
    'cache-control': 'no-store'
  })
  res.setTimeout(stallMs, () => res.destroy())
}

/** Whether a client disconnected, which is not an error. */
export const isDisconnect = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'

/** Sends a file, as fast as the client reads. */
const send = async <T>(
  res: Response,
  name: string,
  { type, extension, head, text }: Format<T>,
  items: AsyncIterable<T[]>
): Promise<void> => {
  async function* chunks(): AsyncGenerator<string> {
    if (head !== '') yield head
    for await (const page of items) if (page.length > 0) yield text(page)
  }
  beginFile(res, { type, name, extension })
  try {
    await pipeline(Readable.from(chunks()), res)
  } catch (error) {
    if (!isDisconnect(error)) throw error
  }
}

type ExportId = Exclude<Extract<OperationId, `export${string}`>, 'exportLead'>

/** Serves a file of a list. Who asked for it is recorded first. */
export const serveExport = <Id extends ExportId, T>(
  { serve, db }: { serve: Serve; db: Db },
  id: Id,
  name: string,
  file: (query: Query<Id>) => { format: Format<T>; items: AsyncIterable<T[]> }
): void =>
  serve.raw(id, async ({ req, query, res }) => {
    const { format, items } = file(query)
    await recordAudit(db, id, { req, query })
    await send(res, name, format, items)
  })

/** All leads and all messages that match, as CSV and JSON Lines; see src/contract/api. */
export const addExportRoutes = ({
  serve,
  db,
  country
}: {
  serve: Serve
  db: Db
  country: CountryCode | ''
}): void => {
  const leads = (query: Parameters<typeof leadFilter>[0]): AsyncIterable<Lead[]> => {
    const seen = new Set<number>()
    const filter = { ...leadFilter(query, country), byId: true, seen }
    return exportPages(async (limit, after) => {
      const page = await listLeads(db, filter, limit, after)
      for (const { id } of page.items) seen.add(id)
      return page
    })
  }
  const messages = (query: Parameters<typeof messageFilter>[0]): AsyncIterable<Message[]> => {
    const filter = messageFilter(query)
    return exportPages((limit, after) => listMessages(db, filter, limit, after))
  }
  const to = { serve, db }
  serveExport(to, 'exportLeadsCsv', 'leads', (query) => ({
    format: csv(leadColumns, leadCells, query),
    items: leads(query)
  }))
  serveExport(to, 'exportLeadsJsonl', 'leads', (query) => ({
    format: jsonLines,
    items: leads(query)
  }))
  serveExport(to, 'exportMessagesCsv', 'messages', (query) => ({
    format: csv(messageColumns, messageCells, query),
    items: messages(query)
  }))
  serveExport(to, 'exportMessagesJsonl', 'messages', (query) => ({
    format: jsonLines,
    items: messages(query)
  }))
}
