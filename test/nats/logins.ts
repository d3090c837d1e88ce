import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'

/** What NATS servers trust, made without their own tools. */

const base64url = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT of NATS, https://docs.nats.io/running-a-nats-service/nats_admin/security/jwt */
const jwt = (issuer: KeyPair, subject: KeyPair, nats: object): string => {
  const claims = {
    jti: 'test',
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'test',
    nats: { version: 2, ...nats }
  }
  const signed = `${base64url({ typ: 'JWT', alg: 'ed25519-nkey' })}.${base64url(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}

/** The configuration of a server that lets in whoever has the credentials file. */
export const withCredentialsFile = (
  directory: string
): { configuration: string; credentials: string } => {
  const [operator, system, account, user] = [
    createOperator(),
    createAccount(),
    createAccount(),
    createUser()
  ]
  const unlimited = {
    subs: -1,
    conn: -1,
    leaf: -1,
    imports: -1,
    exports: -1,
    data: -1,
    payload: -1,
    wildcards: true
  }
  const trusted = (one: KeyPair, limits: object): string =>
    `${one.getPublicKey()}: ${jwt(operator, one, { type: 'account', limits })}`
  const credentials = join(directory, 'test.creds')
  const userJwt = jwt(account, user, { type: 'user', subs: -1, data: -1, payload: -1 })
  writeFileSync(
    credentials,
    `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${Buffer.from(user.getSeed()).toString()}\n------END USER NKEY SEED------\n`
  )
  return {
    credentials,
    configuration: `operator: ${jwt(operator, operator, { type: 'operator' })}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: { ${trusted(system, unlimited)}, ${trusted(account, { ...unlimited, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 })} }`
  }
}

/** The configuration of a server with a certificate for 127.0.0.1 that signs itself. */
export const withCertificate = (directory: string): { configuration: string; ca: string } => {
  const [key, ca] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=nats',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      ca
    ],
    { stdio: 'ignore' }
  )
  return { ca, configuration: `tls { cert_file: "${ca}", key_file: "${key}" }` }
}
