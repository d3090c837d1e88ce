import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { AwsClient } from 'aws4fetch'
import { PlainError, reasonOf } from '../../../platform/harmless.ts'
import type { Store } from './store.ts'

interface S3Options {
  /** Scheme and host; undefined: AWS's own of that region. */
  endpoint?: string
  region: string
  bucket: string
  /** What keys begin with, without slashes at its ends; may be empty. */
  prefix: string
  accessKey: string
  secretKey: string
  account: string
  /** A request takes at most this long, ms; a file goes on top at 1 MB/s. */
  timeoutMs?: number
}

const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex')
}

/**
 * What S3 and its likes say went wrong: a code, and no more of it, for the rest may quote the
 * request.
 */
const refusal = async (answer: Response, doing: string): Promise<Error> => {
  const [, code] = /<Code>(\w+)<\/Code>/.exec(await answer.text()) ?? []
  return new PlainError(
    `the store of PROFILE_BACKUP refuses to ${doing}: ${answer.status}${code === undefined ? '' : ` ${code}`}`
  )
}

/**
 * A bucket of S3 or of a store that speaks as it does: the bucket in the path, signature version 4.
 * A PUT there is whole or not at all, and read after it by everybody.
 */
export const s3Store = (options: S3Options): Store => {
  const { region, bucket, prefix, accessKey, secretKey, account, timeoutMs = 30_000 } = options
  const client = new AwsClient({
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    service: 's3',
    region,
    retries: 0
  })
  const base = `${options.endpoint ?? `https://s3.${region}.amazonaws.com`}/${bucket}`
  const folder = `${prefix === '' ? '' : `${prefix}/`}${account}/`

  const ask = async (
    doing: string,
    url: string,
    init: RequestInit & { duplex?: 'half' } = {},
    ms = timeoutMs
  ): Promise<Response> => {
    const signed = await client.sign(url, init)
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
  const urlOf = (name: string): string => `${base}/${folder}${name}`

  return {
    // an account has a handful: far fewer than the thousand that one answer holds
    list: async () => {
      const query = new URLSearchParams({ 'list-type': '2', prefix: folder })
      const text = await (await ask('list', `${base}?${query}`)).text()
      return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
        key.slice(key.lastIndexOf('/') + 1)
      )
    },
    put: async (name, file) => {
      const { size } = await stat(file)
      await ask(
        'take a backup',
        urlOf(name),
        {
          method: 'PUT',
          headers: { 'content-length': String(size), 'x-amz-content-sha256': await sumOf(file) },
          body: Readable.toWeb(createReadStream(file)) as RequestInit['body'] & object,
          duplex: 'half'
        },
        timeoutMs + size / 1_000
      )
    },
    get: async (name) => {
      const { body } = await ask('give a backup', urlOf(name), {}, 15 * 60_000)
      return Readable.fromWeb(body as ReadableStream)
    },
    remove: async (name) => {
      await ask('delete a backup', urlOf(name), { method: 'DELETE' })
    }
  }
}
