import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { Media } from '../../contract/record.ts'
import type { Request, Response } from '../../platform/http/http.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { accountName, type Account } from '../follow/accounts.ts'
import { findMessages } from '../store/read/find-message.ts'
import type { Db } from '../store/database/schema.ts'
import type { Upstream } from '../follow/upstream.ts'
import { contentDisposition, contentType } from './media-headers.ts'
import type { Grant, MediaUrls } from './media-urls.ts'
import type { Serve } from './serve.ts'

/** How long a browser may cache a file, s. A file never changes, but it may be erased. */
const keptS = 86_400

interface Found {
  pk: number
  account: string
  id: string
  media: Media
}

/** The media of a message. If several accounts have the message: of one that has its file. */
const findMedia = async (db: Db, id: string, account: string | undefined): Promise<Found> => {
  const rows = await findMessages(db, id, account)
  if (rows.length === 0)
    throw new ProblemError(
      'not-found',
      `there is no message with this id${account === undefined ? '' : ` of account ${account}`}`
    )
  const found = rows.flatMap(({ media, ...row }) =>
    media === null ? [] : [{ ...row, media: JSON.parse(media) as Media }]
  )
  const [best] = found.sort(
    (a, b) => Number(b.media.state === 'stored') - Number(a.media.state === 'stored')
  )
  if (best === undefined) throw new ProblemError('not-found', 'this message has no media')
  return best
}

/** The sum of the file. @throws {ProblemError} media-not-ready, media-unavailable */
const sumOf = ({ state, sha256, reason }: Media): string => {
  if (state === 'pending')
    throw new ProblemError('media-not-ready', 'session-manager is still fetching it from WhatsApp')
  if (state === 'stored' && sha256 !== undefined) return sha256
  const outcome = state === 'skipped' ? 'not fetched' : 'not delivered by WhatsApp'
  throw new ProblemError(
    'media-unavailable',
    `it was ${outcome}: ${reason ?? 'no reason was given'}`
  )
}

/**
 * Forwards a body as fast as the client reads it. If the source ends early, the connection to the
 * client is cut.
 */
const sendOn = async (body: ReadableStream<Uint8Array>, res: Response): Promise<void> => {
  try {
    await pipeline(Readable.fromWeb(body), res)
  } catch (error) {
    // A client that disconnected is not an error.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

interface MediaRoutes {
  serve: Serve
  db: Db
  accounts: readonly Account[]
  urls: MediaUrls
  /** PUBLIC_URL; empty: URLs are paths. */
  publicUrl?: string
}

/** The parts of a request that are passed to session-manager. */
const passedOn = (req: Request, signal: AbortSignal): Parameters<Upstream['media']>[1] => {
  const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = req.headers
  return {
    range,
    ifRange: ifRange as string | undefined,
    ifNoneMatch,
    signal,
    requestId: req.requestId
  }
}

interface Sending {
  req: Request
  res: Response
  found: Found
  accounts: readonly Account[]
  download: boolean
  /** Sent in addition to the headers of the file. */
  headers: Record<string, string>
}

/** @throws {ProblemError} session-manager-unreachable */
const upstreamOf = (accounts: readonly Account[], account: string): Upstream => {
  const followed = accounts.find((each) => accountName(each) === account)
  if (followed !== undefined) return followed.upstream
  throw new ProblemError(
    'session-manager-unreachable',
    `no session-manager of account ${account} is followed: name it in ` +
      'FURTHER_SESSION_MANAGERS of central-hub.env',
    undefined,
    account
  )
}

type MediaAnswer = Awaited<ReturnType<Upstream['media']>>

/**
 * What session-manager answers with the file of a message.
 * @throws {ProblemError} media-not-ready, media-unavailable, session-manager-unreachable,
 * session-manager-invalid
 */
export const openMedia = async (
  accounts: readonly Account[],
  { account, media }: Pick<Found, 'account' | 'media'>,
  request: Parameters<Upstream['media']>[1]
): Promise<MediaAnswer> => {
  const sha256 = sumOf(media)
  const answer = await upstreamOf(accounts, account).media(sha256, request)
  if (answer.status !== 404) return answer
  throw new ProblemError('media-unavailable', 'session-manager does not have the file any more')
}

/** @throws {ProblemError} range-not-satisfiable */
const throwIfRefused = (answer: MediaAnswer, res: Response): void => {
  if (answer.status !== 416) return
  for (const [name, value] of Object.entries(answer.headers))
    if (name === 'content-range' || name === 'accept-ranges') res.setHeader(name, value)
  throw new ProblemError('range-not-satisfiable')
}

/** Sends a message's file, streamed from the session-manager of its account. */
const sendMedia = async ({
  req,
  res,
  found,
  accounts,
  download,
  headers
}: Sending): Promise<void> => {
  const { media } = found
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const answer = await openMedia(accounts, found, passedOn(req, gone.signal)).catch(
    (error: unknown) => {
      if (!gone.signal.aborted) throw error
    }
  )
  if (answer === undefined) return
  throwIfRefused(answer, res)
  const ofFile =
    answer.body === null
      ? {}
      : {
          'content-type': contentType(media),
          'content-disposition': contentDisposition(media, download)
        }
  res.writeHead(answer.status, {
    ...answer.headers,
    ...ofFile,
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    ...headers
  })
  if (answer.body === null) return void res.end()
  await sendOn(answer.body as ReadableStream<Uint8Array>, res)
}

/**
 * The media of a signed URL.
 * @throws {ProblemError} not-found, also when another message has its number now
 */
const mediaOfGrant = async (db: Db, urls: MediaUrls, { message }: Grant): Promise<Found> => {
  const pk = Number(message.split('.')[0])
  const row = await db
    .selectFrom('messages')
    .select(['pk', 'account', 'id', 'media'])
    .where('pk', '=', pk)
    .executeTakeFirst()
  if (row === undefined || row.media === null || (await urls.nameOf(row)) !== message) {
    throw new ProblemError('not-found', 'the message of this URL is not here any more')
  }
  return { ...row, media: JSON.parse(row.media) as Media }
}

/** Lets pages of every origin show the file: the URL itself is the permission. */
const crossOrigin = {
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Disposition, Content-Range, X-Request-Id'
}

/**
 * `GET /api/messages/:id/media`: the file of a message. `GET /api/messages/:id/media-url`: a URL
 * for that file that needs no token. `GET /api/media/:ticket`: what that URL leads to.
 */
export const addMediaRoutes = ({
  serve,
  db,
  accounts,
  urls,
  publicUrl = ''
}: MediaRoutes): void => {
  serve.raw('getMedia', async ({ params, query, req, res }) => {
    const found = await findMedia(db, params.id, query.account)
    const headers = {
      'cache-control': `private, max-age=${keptS}, immutable`,
      'cross-origin-resource-policy': 'same-site'
    }
    await sendMedia({ req, res, found, accounts, download: query.download === true, headers })
  })

  serve.read('getMediaUrl', async ({ params, query }) => {
    const found = await findMedia(db, params.id, query.account)
    sumOf(found.media)
    const expires = Math.floor(Date.now() / 1_000) + query.expires_in
    const message = await urls.nameOf(found)
    const ticket = await urls.sign({ message, expires, download: query.download === true })
    return {
      url: `${publicUrl}/api/media/${ticket}`,
      expires_at: new Date(expires * 1_000).toISOString()
    }
  })

  serve.raw('getSignedMedia', async ({ params: { ticket }, req, res }) => {
    for (const [name, value] of Object.entries(crossOrigin)) res.setHeader(name, value)
    const grant = await urls.read(ticket)
    if (grant === undefined)
      throw new ProblemError('forbidden', 'this is no URL of media that this hub signed')
    const leftS = grant.expires - Math.floor(Date.now() / 1_000)
    if (leftS <= 0)
      throw new ProblemError('forbidden', 'this URL of media has expired: ask for a new one')
    const found = await mediaOfGrant(db, urls, grant)
    const headers = {
      'cache-control': `private, max-age=${Math.min(leftS, keptS)}`,
      ...crossOrigin
    }
    await sendMedia({ req, res, found, accounts, download: grant.download, headers })
  })
}
