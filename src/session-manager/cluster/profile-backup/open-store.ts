import type { Config } from '../../config.ts'
import { s3Store } from './s3.ts'
import { directoryStore, type Store } from './store.ts'

/** The store that PROFILE_BACKUP names. */
export const openStore = (config: Config): Store => {
  const { protocol, hostname, pathname } = new URL(config.PROFILE_BACKUP)
  if (protocol === 'file:') return directoryStore(pathname, config.ACCOUNT)
  return s3Store({
    bucket: hostname,
    prefix: pathname.slice(1),
    account: config.ACCOUNT,
    region: config.PROFILE_BACKUP_REGION,
    accessKey: config.PROFILE_BACKUP_ACCESS_KEY,
    secretKey: config.PROFILE_BACKUP_SECRET_KEY,
    ...(config.PROFILE_BACKUP_ENDPOINT === '' ? {} : { endpoint: config.PROFILE_BACKUP_ENDPOINT })
  })
}
