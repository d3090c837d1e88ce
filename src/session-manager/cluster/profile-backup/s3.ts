import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { AwsClient } from 'aws4fetch'
import { PlainError, reasonOf } from '../../../platform/harmless.ts'
import type { Store } from './store.ts'

interface S3Options {
  /** Scheme and host; by default those of AWS in the region. */
  endpoint?: string
  region: string
  bucket: string
  /** The beginning of keys, without slashes at its ends; may be empty. */
  prefix: string
  accessKey: string
  secretKey: string
  account: string
  /** A request takes at most this long, ms. A file of N bytes adds N / 1,000. */
  timeoutMs?: number
}

const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex')
}

/** The error of S3: its code alone, because the rest of the answer may quote the request. */
const refusal = async (answer: Response, doing: string): Promise<Error> => {
  const [, code] = /<Code>(\w+)<\/Code>/.exec(await answer.text()) ?? []
  const status = code === undefined ? String(answer.status) : `${answer.status} ${code}`
  return new PlainError(`the store of PROFILE_BACKUP refuses to ${doing}: ${status}`)
}

/** A backup is downloaded in this time at most, ms. */
const downloadMs = 15 * 60_000

/**
 * A bucket of S3, or of a store with the same protocol: the bucket in the path, signature version
 * 4. A PUT is stored whole or not at all, and everybody reads it afterwards.
 */
class S3Store implements Store {
  readonly #client: AwsClient
  /** The URL of the bucket. */
  readonly #base: string
  /** The keys of this account begin with it. */
  readonly #folder: string
  readonly #timeoutMs: number

  constructor(options: S3Options) {
    const { endpoint, region, bucket, prefix, accessKey, secretKey, account } = options
    this.#client = new AwsClient({
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      service: 's3',
      region,
      retries: 0
    })
    this.#base = `${endpoint ?? `https://s3.${region}.amazonaws.com`}/${bucket}`
    this.#folder = `${prefix === '' ? '' : `${prefix}/`}${account}/`
    this.#timeoutMs = options.timeoutMs ?? 30_000
  }

  /** An account has a handful of backups, far fewer than the thousand that one answer holds. */
  async list(): Promise<string[]> {
    const query = new URLSearchParams({ 'list-type': '2', prefix: this.#folder })
    const text = await (await this.#ask('list', `${this.#base}?${query}`)).text()
    return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
      key.slice(key.lastIndexOf('/') + 1)
    )
  }

  async put(name: string, file: string): Promise<void> {
    const { size } = await stat(file)
    await this.#ask(
      'take a backup',
      this.#urlOf(name),
      {
        method: 'PUT',
        headers: { 'content-length': String(size), 'x-amz-content-sha256': await sumOf(file) },
        body: Readable.toWeb(createReadStream(file)) as RequestInit['body'] & object,
        duplex: 'half'
      },
      this.#timeoutMs + size / 1_000
    )
  }

  async get(name: string): Promise<AsyncIterable<Uint8Array>> {
    const { body } = await this.#ask('give a backup', this.#urlOf(name), {}, downloadMs)
    return Readable.fromWeb(body as ReadableStream)
  }

  async remove(name: string): Promise<void> {
    await this.#ask('delete a backup', this.#urlOf(name), { method: 'DELETE' })
  }

  #urlOf(name: string): string {
    return `${this.#base}/${this.#folder}${name}`
  }

  async #ask(
    doing: string,
    url: string,
    init: RequestInit & { duplex?: 'half' } = {},
    ms = this.#timeoutMs
  ): Promise<Response> {
    const signed = await this.#client.sign(url, init)
    const answer = await fetch(signed, { signal: AbortSignal.timeout(ms) }).catch(
      (error: unknown) => {
        const cause = error instanceof Error ? (error.cause ?? error) : error
        throw new PlainError(`the store of PROFILE_BACKUP is unreachable: ${reasonOf(cause)}`, {
          cause: error
        })
      }
    )
    if (!answer.ok) throw await refusal(answer, doing)
    return answer
  }
}

export const s3Store = (options: S3Options): Store => new S3Store(options)
