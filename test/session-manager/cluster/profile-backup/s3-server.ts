import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

/**
 * A store as S3 is one, in memory: the bucket in the path, ListObjectsV2, PUT, GET and DELETE. It
 * refuses what is not signed as "Signature Version 4" says, worked out here by itself from the
 * request as it arrived, and a body that does not have the sum that was signed.
 */
export interface S3Server {
  endpoint: string
  objects: Map<string, Buffer>
  requests: { method: string; path: string }[]
  /** Answers everything so from now on. */
  fail?: { status: number; code: string }
}

export const credentials = {
  region: 'eu-test-1',
  bucket: 'backups',
  accessKey: 'AKIDEXAMPLE',
  secretKey: 'a-secret-key-of-the-store-0123456789'
}

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
const signatureOf = (req: IncomingMessage, url: URL, signed: string[], day: string): string => {
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const path = url.pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const headers = signed.map((name) => `${name}:${String(req.headers[name]).trim()}\n`).join('')
  const canonical = [
    req.method,
    path,
    query,
    headers,
    signed.join(';'),
    req.headers['x-amz-content-sha256']
  ].join('\n')
  const scope = `${day}/${credentials.region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  const key = ['s3', 'aws4_request'].reduce(
    (last, part) => hmac(last, part),
    hmac(hmac(`AWS4${credentials.secretKey}`, day), credentials.region)
  )
  return hmac(key, text).toString('hex')
}

const refusal = (req: IncomingMessage, url: URL, body: Buffer): string | undefined => {
  const [, key, day = '', region, names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      req.headers.authorization ?? ''
    ) ?? []
  const signed = names.split(';')
  if (key !== credentials.accessKey) return 'InvalidAccessKeyId'
  if (
    region !== credentials.region ||
    !signed.includes('host') ||
    !signed.includes('x-amz-date') ||
    !signed.includes('x-amz-content-sha256')
  )
    return 'AuthorizationHeaderMalformed'
  if (signatureOf(req, url, signed, day) !== signature) return 'SignatureDoesNotMatch'
  const sum = req.headers['x-amz-content-sha256']
  if (sum !== 'UNSIGNED-PAYLOAD' && sum !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  if (req.method === 'PUT' && req.headers['content-length'] === undefined)
    return 'MissingContentLength'
  return undefined
}

export const startS3 = async (t: Test): Promise<S3Server> => {
  const objects = new Map<string, Buffer>()
  const s3: S3Server = { endpoint: '', objects, requests: [] }
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://s3')
    const body = await buffer(req as AsyncIterable<Buffer>)
    s3.requests.push({ method: req.method ?? '', path: url.pathname })
    const deny = (status: number, code: string): void =>
      void res
        .writeHead(status, { 'content-type': 'application/xml' })
        .end(`<Error><Code>${code}</Code><Message>…</Message></Error>`)
    if (s3.fail !== undefined) return deny(s3.fail.status, s3.fail.code)
    const why = refusal(req, url, body)
    if (why !== undefined) return deny(403, why)
    const [, bucket, ...rest] = url.pathname.split('/')
    if (bucket !== credentials.bucket) return deny(404, 'NoSuchBucket')
    const key = rest.map(decodeURIComponent).join('/')
    if (key === '' && req.method === 'GET') {
      const found = [...objects.keys()].filter((name) =>
        name.startsWith(url.searchParams.get('prefix') ?? '')
      )
      return void res.end(
        `<ListBucketResult>${found.map((name) => `<Contents><Key>${name}</Key></Contents>`).join('')}</ListBucketResult>`
      )
    }
    if (req.method === 'PUT') objects.set(key, body)
    else if (req.method === 'DELETE') objects.delete(key)
    else {
      const object = objects.get(key)
      return object === undefined ? deny(404, 'NoSuchKey') : void res.end(object)
    }
    res.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  s3.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => server.close())
  return s3
}
