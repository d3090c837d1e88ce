import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { ZipFile, type ReadStreamOptions } from 'yazl'
import type { Lead, Message } from '../../contract/lead.ts'
import type { Media } from '../../contract/record.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Account } from '../follow/accounts.ts'
import type { Db } from '../store/database/schema.ts'
import { listChanges } from '../store/read/history.ts'
import { getLead } from '../store/read/leads.ts'
import { listConversation } from '../store/read/messages.ts'
import { bundleReadme } from './bundle-readme.ts'
import { beginFile, exportPages, isDisconnect } from './exports.ts'
import { ofLead } from './leads.ts'
import { mediaFileName } from './media-headers.ts'
import { openMedia } from './media.ts'
import { recordAudit } from './record-audit.ts'
import type { Serve } from './serve.ts'

/** Failures in a row, after which a session-manager that does not answer is not asked again. */
const maxFailures = 3

type Parts = AsyncIterable<string | Uint8Array> | Iterable<string>

/** A ZIP file that is written as fast as it is read, one entry at a time. */
class ZipWriter {
  readonly #zip = new ZipFile()
  readonly #signal: AbortSignal

  /** @param signal ends the entry that is written */
  constructor(signal: AbortSignal) {
    this.#signal = signal
    // add() rejects with the error.
    this.#zip.on('error', () => undefined)
  }

  get output(): Readable {
    return this.#zip.outputStream as Readable
  }

  /** Adds an entry, and waits until it was read to the end. @throws what `parts` throws */
  async add(name: string, parts: Parts, options: Partial<ReadStreamOptions> = {}): Promise<void> {
    const source = Readable.from(parts, { objectMode: false, signal: this.#signal })
    this.#zip.addReadStream(source, name, { mode: 0o100600, ...options })
    await finished(source)
  }

  end(): void {
    this.#zip.end()
  }
}

/** A file that is not in the bundle, or not whole. */
interface Missing {
  message_id: string
  sent_at: string
  /** Where the part is that could be read; null: nothing is there. */
  file: string | null
  reason: string
}

type WithMedia = Message & { media: Media }

interface BundleOptions {
  db: Db
  accounts: readonly Account[]
  lead: Lead
  zip: ZipWriter
  requestId: string
  signal: AbortSignal
}

/** Writes all data of one lead into a ZIP file. */
class Bundle {
  readonly #options: BundleOptions
  readonly #missing: Missing[] = []
  #failures = 0
  /** Why session-manager is not asked again. */
  #unreachable: string | undefined

  constructor(options: BundleOptions) {
    this.#options = options
  }

  /** @throws when the store cannot be read, or the signal aborts */
  async write(): Promise<void> {
    const { zip } = this.#options
    await zip.add('README.txt', [bundleReadme])
    await zip.add('lead.json', this.#lead())
    await zip.add('messages.jsonl', this.#messages())
    for await (const page of this.#pages(true))
      for (const message of page)
        if (message.media !== null) await this.#addMedia({ ...message, media: message.media })
    await zip.add('missing.json', [`${JSON.stringify(this.#missing, null, 2)}\n`])
    zip.end()
  }

  #pages(withMedia: boolean): AsyncGenerator<Message[]> {
    const { db, lead } = this.#options
    const filter = { leadId: lead.id, withMedia }
    return exportPages((limit, after) => listConversation(db, filter, limit, after))
  }

  async *#lead(): AsyncGenerator<string> {
    const { db, lead } = this.#options
    // One line, so that it can be imported.
    yield `{"lead":${JSON.stringify(lead)},"history":[`
    let separator = ''
    for await (const page of exportPages((limit, after) => listChanges(db, lead.id, limit, after)))
      for (const change of page) {
        yield separator + JSON.stringify(change)
        separator = ','
      }
    yield ']}\n'
  }

  async *#messages(): AsyncGenerator<string> {
    for await (const page of this.#pages(false))
      for (const message of page) yield `${JSON.stringify(message)}\n`
  }

  async #addMedia(message: WithMedia): Promise<void> {
    const body = await this.#open(message)
    if (body === undefined) return
    const name = `media/${mediaFileName(message.id, message.media)}`
    await this.#options.zip.add(name, this.#file(body, message, name), {
      mtime: new Date(message.sent_at),
      // Photos, audio and video are compressed already.
      compress: false
    })
  }

  /** The bytes of a file; undefined: they are missing, which was noted. */
  async #open(message: WithMedia): Promise<ReadableStream<Uint8Array> | undefined> {
    const { accounts, signal, requestId } = this.#options
    if (this.#unreachable !== undefined && message.media.state === 'stored')
      return this.#note(message, this.#unreachable)
    try {
      const { body } = await openMedia(accounts, message, { signal, requestId })
      this.#failures = 0
      return body ?? this.#note(message, 'session-manager gave no file')
    } catch (error) {
      if (signal.aborted || !(error instanceof ProblemError)) throw error
      const { type, detail, title } = error.problem
      const reason = detail ?? title
      if (type.includes('session-manager') && (this.#failures += 1) >= maxFailures)
        this.#unreachable = reason
      return this.#note(message, reason)
    }
  }

  /** Passes a file on. If it ends early or is another one, that is noted. */
  async *#file(
    body: ReadableStream<Uint8Array>,
    message: WithMedia,
    name: string
  ): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256')
    try {
      for await (const part of body) {
        hash.update(part)
        yield part
      }
    } catch (error) {
      if (this.#options.signal.aborted) throw error
      return this.#note(message, 'session-manager sent only a part of the file', name)
    }
    if (hash.digest('hex') !== message.media.sha256)
      this.#note(message, 'the file is damaged: its SHA-256 is not that of the message', name)
  }

  #note({ id, sent_at }: Message, reason: string, file: string | null = null): undefined {
    this.#missing.push({ message_id: id, sent_at, file, reason })
  }
}

interface BundleRoute {
  serve: Serve
  db: Db
  accounts: readonly Account[]
}

/** `GET /api/leads/:id/bundle`: all data of one person as a ZIP file. */
export const addBundleRoute = ({ serve, db, accounts }: BundleRoute): void =>
  serve.raw('exportLead', async ({ params, req, res }) => {
    const lead = await ofLead(params.id, getLead(db, params.id))
    await recordAudit(db, 'exportLead', { req, params: { id: lead.id } })
    const gone = new AbortController()
    const { signal } = gone
    const zip = new ZipWriter(signal)
    const bundle = new Bundle({ db, accounts, lead, zip, requestId: req.requestId, signal })
    res.once('close', () => gone.abort())
    beginFile(res, { type: 'application/zip', name: `lead-${lead.id}`, extension: 'zip' })
    const writing = bundle.write().catch((error: Error) => {
      zip.output.destroy(error)
      if (!signal.aborted) throw error
    })
    const sending = pipeline(zip.output, res).catch((error: unknown) => {
      if (!isDisconnect(error) && !signal.aborted) throw error
    })
    await Promise.all([writing, sending])
  })
