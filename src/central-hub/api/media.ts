import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { Media } from '../../contract/record.ts'
import type { Response } from '../../platform/http.ts'
import { ProblemError } from '../../platform/problem.ts'
import { accountName, type Account } from '../accounts.ts'
import { findMessages } from '../store/find-message.ts'
import type { Db } from '../store/schema.ts'
import { contentDisposition, contentType } from './media-headers.ts'
import type { Serve } from './serve.ts'

/** How long a browser may keep a file, s: it never changes, but it may be erased. */
const keptS = 86_400

interface Found {
  account: string
  media: Media
}

/** The media of a message; of several accounts that have the message, of one that has its file. */
const findMedia = async (db: Db, id: string, account: string | undefined): Promise<Found> => {
  const rows = await findMessages(db, id, account)
  if (rows.length === 0) throw new ProblemError('not-found', `there is no message with this id${account === undefined ? '' : ` of account ${account}`}`)
  const found = rows.flatMap(({ account: of, media }) => (media === null ? [] : [{ account: of, media: JSON.parse(media) as Media }]))
  const [best] = found.sort((a, b) => Number(b.media.state === 'stored') - Number(a.media.state === 'stored'))
  if (best === undefined) throw new ProblemError('not-found', 'this message has no media')
  return best
}

/** The sum of the file. @throws {ProblemError} media-not-ready, media-unavailable */
const sumOf = ({ state, sha256, reason }: Media): string => {
  if (state === 'pending') throw new ProblemError('media-not-ready', 'session-manager is still fetching it from WhatsApp')
  if (state === 'stored' && sha256 !== undefined) return sha256
  throw new ProblemError('media-unavailable', `it was ${state === 'skipped' ? 'not fetched' : 'not delivered by WhatsApp'}: ${reason ?? 'no reason was given'}`)
}

/** Sends a body on as fast as it is taken; what ends early on the other side cuts the connection on this one. */
const sendOn = async (body: ReadableStream<Uint8Array>, res: Response): Promise<void> => {
  try {
    await pipeline(Readable.fromWeb(body), res)
  } catch (error) {
    // a client that went away is no fault
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

/** `GET /api/messages/:id/media`: the file that a message came with, streamed from the session-manager of its account. */
export const addMediaRoutes = ({ serve, db, accounts }: { serve: Serve; db: Db; accounts: readonly Account[] }): void => {
  serve.raw('getMedia', async ({ params, query, req, res }) => {
    const { account, media } = await findMedia(db, params.id, query.account)
    const sha256 = sumOf(media)
    const from = accounts.find((each) => accountName(each) === account)
    if (from === undefined) {
      throw new ProblemError('session-manager-unreachable', `no session-manager of account ${account} is followed: name it in FURTHER_SESSION_MANAGERS of central-hub.env`, undefined, account)
    }
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = req.headers
    const answer = await from.upstream
      .media(sha256, { range, ifRange: ifRange as string | undefined, ifNoneMatch, signal: gone.signal, requestId: req.requestId })
      .catch((error: unknown) => {
        if (!gone.signal.aborted) throw error
      })
    if (answer === undefined) return
    if (answer.status === 404) throw new ProblemError('media-unavailable', 'session-manager does not have the file any more')
    if (answer.status === 416) {
      for (const [name, value] of Object.entries(answer.headers)) if (name === 'content-range' || name === 'accept-ranges') res.setHeader(name, value)
      throw new ProblemError('range-not-satisfiable')
    }
    res.writeHead(answer.status, {
      ...answer.headers,
      ...(answer.body === null ? {} : { 'content-type': contentType(media), 'content-disposition': contentDisposition(media, query.download === true) }),
      'cache-control': `private, max-age=${keptS}, immutable`,
      'content-security-policy': "sandbox; default-src 'none'",
      'cross-origin-resource-policy': 'same-site',
      'x-content-type-options': 'nosniff'
    })
    if (answer.body === null) return void res.end()
    await sendOn(answer.body as ReadableStream<Uint8Array>, res)
  })
}
