import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { headers, type MsgHdrs } from '@nats-io/transport-node'
import type { JournalRecord } from '../../contract/record.ts'
import { afterHeader, journalHeader, recordStream, seqHeader } from '../../contract/stream.ts'
import type { Log } from '../../platform/log.ts'
import { lastMessage } from '../../platform/nats/nats-stream.ts'
import type { Journal } from '../journal/journal.ts'

export interface RecordStream {
  client: JetStreamClient
  manager: JetStreamManager
}

interface ForwardCursorOptions {
  journal: Journal
  account: string
  /** Of the account, in the stream. */
  subject: string
  log: Log
}

/** Whether two copies of a record are the same. An erased record has nothing to compare. */
const isSame = (ours: JournalRecord | undefined, theirs: unknown): boolean =>
  ours !== undefined && (ours.kind === 'erased' || JSON.stringify(ours) === JSON.stringify(theirs))

/** The last record of this journal that is in NATS for sure. Its marks are in the journal. */
export class ForwardCursor {
  readonly #journal: Journal
  readonly #account: string
  readonly #subject: string
  readonly #log: Log
  /** The last record of another journal that hubs must have taken before `#first`. */
  #after: string | undefined
  #first = 1
  /** The id of the journal when its last record in NATS was forwarded. */
  #forwardedAs: string

  constructor({ journal, account, subject, log }: ForwardCursorOptions) {
    this.#journal = journal
    this.#account = account
    this.#subject = subject
    this.#log = log
    this.#forwardedAs = journal.id
  }

  seq(): number {
    return this.#journal.mark('forwarded') ?? 0
  }

  /** How many records are not in NATS yet. */
  behind(): number {
    return Math.max(0, this.#journal.lastSeq() - this.seq())
  }

  /** @param place of the record in the stream */
  advance(seq: number, place: number): void {
    this.#journal.setMarks({ forwarded: seq, forwarded_place: place })
    this.#forwardedAs = this.#journal.id
  }

  headersOf(record: JournalRecord): MsgHdrs {
    const header = headers()
    header.set(journalHeader, this.#journal.id)
    header.set(seqHeader, String(record.seq))
    if (record.seq === this.#first && this.#after !== undefined)
      header.set(afterHeader, this.#after)
    return header
  }

  /**
   * Makes the cursor agree with the stream. If the stream has records of another host since, this
   * journal continues after them under another id. If the stream may have lost records of this
   * journal, all are forwarded again.
   */
  async agree(stream: RecordStream): Promise<void> {
    const journal = this.#journal
    const { created, state } = await stream.manager.streams.info(recordStream)
    this.#noteStream(Date.parse(created))
    const last = await lastMessage(stream.manager, recordStream, this.#subject)
    if (last === null) return
    const [id, seq] = [last.header.get(journalHeader), Number(last.header.get(seqHeader))]
    const [ours] = journal.read(seq - 1, 1)
    const isSameId = id === journal.id
    const isOurs = isSameId && isSame(ours, last.json())
    // nats-server may lose what it acknowledged when its power fails.
    if (isOurs && seq < this.seq())
      return journal.setMarks({ forwarded: seq, forwarded_place: last.seq })
    const isThere = this.seq() > 0 ? await this.#isThere(stream, state.first_seq) : undefined
    if (isOurs && isThere !== false) return
    this.#after = `${id}:${seq}`
    if (isSameId || this.seq() > 0) this.#continueAfter({ isSameId, isOurs, isThere })
    this.#first = this.seq() + 1
  }

  /** @param created when the stream was made, ms */
  #noteStream(created: number): void {
    if (this.#journal.mark('forwarded_stream') === created) return
    if (this.seq() > 0) this.#startOver('the stream in NATS is another one than before')
    this.#journal.setMark('forwarded_stream', created)
  }

  /**
   * Whether all that was forwarded is in the stream for sure, or was for as long as records stay
   * there; undefined when its place was not noted.
   */
  async #isThere({ manager }: RecordStream, firstPlace: number): Promise<boolean | undefined> {
    const place = this.#journal.mark('forwarded_place')
    if (place === undefined) return undefined
    if (place < firstPlace) return true
    const message = await manager.streams.getMessage(recordStream, { seq: place })
    return (
      message?.header.get(journalHeader) === this.#forwardedAs &&
      Number(message.header.get(seqHeader)) === this.seq()
    )
  }

  /** Gives the journal another id. Then it goes on behind the last record of the stream. */
  #continueAfter(last: { isSameId: boolean; isOurs: boolean; isThere: boolean | undefined }): void {
    const { isSameId, isOurs, isThere } = last
    this.#journal.renew()
    if (isSameId && !isOurs)
      return this.#startOver('this journal is an older copy of the one that was forwarded')
    if (isThere !== true || isOurs)
      return this.#startOver('the stream in NATS does not have all that it had of this journal')
    const seq = this.seq()
    this.#log.info(
      {
        event: 'forwarding_on',
        account: this.#account,
        seq,
        last_seq: this.#journal.lastSeq()
      },
      'another host had the account meanwhile: ' +
        `what was captured here since record ${seq} is forwarded`
    )
  }

  #startOver(why: string): void {
    this.#journal.setMark('forwarded', undefined)
    this.#log.warn(
      {
        event: 'forwarding_anew',
        account: this.#account,
        last_seq: this.#journal.lastSeq()
      },
      `${why}: the journal is forwarded from its start, hubs leave what they have as it is`
    )
  }
}
