import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto'
import { promisify } from 'node:util'
import { limitConcurrency } from '../../platform/async.ts'

/**
 * Passwords of operators, hashed by argon2id as
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html has it, and
 * written as https://github.com/P-H-C/phc-string-format has it.
 */

/** KiB, and how often they are gone through. About 30 ms of one core. */
const [memory, passes, parallelism] = [19_456, 2, 1]
const [saltBytes, tagBytes] = [16, 32]

/** Each takes 19 MiB while it runs: who knocks often waits, and takes no more memory. */
const inTurn = limitConcurrency(2)

const derive = promisify(
  (parameters: Argon2Parameters, done: (error: Error | null, tag: Buffer) => void) =>
    argon2('argon2id', parameters, done)
)

const form =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]{1,200})\$([\w+/]{1,200})$/

const toText = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

/** The password as bytes: the same however its accents are encoded. */
const bytesOf = (password: string): Buffer => Buffer.from(password.normalize('NFC'))

/** Hashes a password with a salt of its own. */
export const hashPassword = async (password: string): Promise<string> => {
  const nonce = randomBytes(saltBytes)
  const message = bytesOf(password)
  const tag = await inTurn(() =>
    derive({ message, nonce, parallelism, tagLength: tagBytes, memory, passes })
  )
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${toText(nonce)}$${toText(tag)}`
}

/** Whether it is the password of a hash. @throws when `hashPassword` did not make the hash */
export const isPassword = async (password: string, passwordHash: string): Promise<boolean> => {
  const [, m, t, p, salt = '', expected = ''] = form.exec(passwordHash) ?? []
  if (expected === '') throw new Error('the hash of a password is of an unknown form')
  const wanted = Buffer.from(expected, 'base64')
  const tag = await inTurn(() =>
    derive({
      message: bytesOf(password),
      nonce: Buffer.from(salt, 'base64'),
      parallelism: Number(p),
      tagLength: wanted.length,
      memory: Number(m),
      passes: Number(t)
    })
  )
  return timingSafeEqual(tag, wanted)
}

/** The hash of a password that nobody knows: what an unknown username is compared with. */
export const hashOfNobody =
  '$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$' +
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
