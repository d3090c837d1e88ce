import { omitUndefined } from '../../../platform/omit-undefined.ts'
import { s3Store } from './s3.ts'
import { directoryStore, type Store } from './store.ts'

/** The variables for the place of profile backups. */
export interface ProfileStoreConfig {
  ACCOUNT: string
  /** Where backups of the linked device go; empty: none are made. */
  PROFILE_BACKUP: string
  PROFILE_BACKUP_ENDPOINT: string
  PROFILE_BACKUP_REGION: string
  PROFILE_BACKUP_ACCESS_KEY: string
  PROFILE_BACKUP_SECRET_KEY: string
}

/** The store that PROFILE_BACKUP names. */
export const openStore = (config: ProfileStoreConfig): Store => {
  const { protocol, hostname, pathname } = new URL(config.PROFILE_BACKUP)
  if (protocol === 'file:') return directoryStore(pathname, config.ACCOUNT)
  const { PROFILE_BACKUP_ENDPOINT: endpoint } = config
  return s3Store(
    omitUndefined({
      bucket: hostname,
      prefix: pathname.slice(1),
      account: config.ACCOUNT,
      region: config.PROFILE_BACKUP_REGION,
      accessKey: config.PROFILE_BACKUP_ACCESS_KEY,
      secretKey: config.PROFILE_BACKUP_SECRET_KEY,
      endpoint: endpoint === '' ? undefined : endpoint
    })
  )
}
