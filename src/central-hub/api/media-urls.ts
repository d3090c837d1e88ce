import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { sameSecret } from '../../platform/http/auth.ts'
import type { Db } from '../store/database/schema.ts'

/**
 * URLs of single media for pages of other origins, whose `<img>` and `<video>` cannot send the
 * token. Such a URL lets anybody read that file, and nothing else, until it expires.
 */

/** The message of a file. */
interface MediaMessage {
  /** messages.pk. */
  pk: number
  account: string
  /** WhatsApp's id. It contains the person's number, so the URL has only a digest. */
  id: string
}

/** What a URL grants. */
export interface Grant {
  /**
   * The message: its pk and a digest of its id, because the database may reuse a pk after a
   * deletion.
   */
  message: string
  /** UNIX seconds. */
  expires: number
  download: boolean
}

/** The form of a ticket: `PK.DIGEST.EXPIRES.DOWNLOAD.SIGNATURE`. */
const ticketForm = /^(\d{1,15}\.[\w-]{22})\.(\d{1,11})\.([01])\.([\w-]{43})$/

/**
 * The secret that all hubs of a store share. It is in the store, and generated on first use.
 */
const readSecret = async (db: Db): Promise<string> => {
  const stored = await db.selectFrom('store').select('media_secret').executeTakeFirstOrThrow()
  if (stored.media_secret !== '') return stored.media_secret
  await db
    .updateTable('store')
    .set({ media_secret: randomBytes(32).toString('base64url') })
    .where('media_secret', '=', '')
    .execute()
  const generated = await db.selectFrom('store').select('media_secret').executeTakeFirstOrThrow()
  return generated.media_secret
}

/**
 * Signs with a key that is derived from the store's secret and the token. A signature does not
 * reveal the token, and a new token makes all URLs invalid.
 */
export class MediaUrls {
  readonly #db: Db
  readonly #token: string
  /** Undefined before the first use, and after a failed read. */
  #key: Promise<Buffer> | undefined

  constructor(db: Db, token: string) {
    this.#db = db
    this.#token = token
  }

  /** The `message` of a grant. */
  async nameOf({ pk, account, id }: MediaMessage): Promise<string> {
    const digest = await this.#hmac(JSON.stringify(['message', account, id]))
    return `${pk}.${digest.slice(0, 22)}`
  }

  /** The last part of a URL. */
  async sign(grant: Grant): Promise<string> {
    const { message, expires, download } = grant
    return `${message}.${expires}.${Number(download)}.${await this.#signature(grant)}`
  }

  /** What a ticket grants, also when it has expired; undefined: this hub did not sign it. */
  async read(ticket: string): Promise<Grant | undefined> {
    const [, message = '', expires, download, signature = ''] = ticketForm.exec(ticket) ?? []
    const grant: Grant = { message, expires: Number(expires), download: download === '1' }
    return sameSecret(await this.#signature(grant), signature) ? grant : undefined
  }

  #signature({ message, expires, download }: Grant): Promise<string> {
    return this.#hmac(JSON.stringify(['url', message, expires, download]))
  }

  async #hmac(text: string): Promise<string> {
    this.#key ??= this.#deriveKey()
    return createHmac('sha256', await this.#key)
      .update(text)
      .digest('base64url')
  }

  async #deriveKey(): Promise<Buffer> {
    try {
      const secret = await readSecret(this.#db)
      return Buffer.from(hkdfSync('sha256', secret, this.#token, 'leadmaster media url', 32))
    } catch (error) {
      this.#key = undefined
      throw error
    }
  }
}
