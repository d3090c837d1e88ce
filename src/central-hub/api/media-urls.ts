import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { sameSecret } from '../../platform/http/auth.ts'
import type { Db } from '../store/database/schema.ts'

/**
 * URLs of single media for pages of other origins, whose `<img>` and `<video>` cannot send the
 * token. Whoever has such a URL can read that file, and nothing else, until it expires.
 */

/** The message whose media it is. */
interface MediaOf {
  /** messages.pk. */
  pk: number
  account: string
  /** WhatsApp's id. It has the person's number in it, so the URL has only a digest of it. */
  id: string
}

/** What a URL grants. */
export interface Grant {
  /**
   * Which message: its pk, and a digest of its id, for the database may give a pk again after a
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
 * The secret that is kept in the store; drawn when it is first needed. Hubs of one store have the
 * same.
 */
const readSecret = async (db: Db): Promise<string> => {
  const kept = await db.selectFrom('store').select('media_secret').executeTakeFirstOrThrow()
  if (kept.media_secret !== '') return kept.media_secret
  await db
    .updateTable('store')
    .set({ media_secret: randomBytes(32).toString('base64url') })
    .where('media_secret', '=', '')
    .execute()
  const drawn = await db.selectFrom('store').select('media_secret').executeTakeFirstOrThrow()
  return drawn.media_secret
}

/**
 * Signs with a key of the store's secret and the token: a signature tells nothing of the token, and
 * no URL outlives it.
 */
export class MediaUrls {
  readonly #db: Db
  readonly #token: string
  /** Undefined until it is needed, and after it could not be read. */
  #key: Promise<Buffer> | undefined

  constructor(db: Db, token: string) {
    this.#db = db
    this.#token = token
  }

  /** What a grant names the message by. */
  async nameOf({ pk, account, id }: MediaOf): Promise<string> {
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
