import type { Log } from '../../platform/log.ts'
import { connectNats, type Nats, type NatsConfig } from '../../platform/nats/nats.ts'
import { ErasureExchange, type ErasureExchangeOptions } from './erasure-exchange.ts'
import { createForwarder, type Forwarder } from './forwarder.ts'
import type { Journal } from '../journal/journal.ts'

/** The variables for forwarding. */
export interface ForwardConfig extends NatsConfig {
  ACCOUNT: string
  /** ms */
  SHUTDOWN_TIMEOUT: number
}

/** The journal on its way to NATS, with the connection that it has. */
export interface Forwarding {
  nats: Nats
  state: Forwarder['state']
  purge: Forwarder['purge']
  /** As the forwarder has it. The connection stays: the lease is given up over it. */
  stop: Forwarder['stop']
  /** Closes the connection. */
  close(): Promise<void>
}

/**
 * Of SHUTDOWN_TIMEOUT: what is still to be forwarded may take this long. Chromium and a backup have
 * their part before and after.
 */
const finishShare = 0.2

/**
 * @param options.term as the forwarder has it. @param options.onChange called when what keeps
 * records from NATS has changed @param options.onPurged as the forwarder has it @param
 * options.adopt as the exchange of erasures has it
 */
export const startForwarding = ({
  config,
  journal,
  term,
  log,
  onChange,
  onPurged,
  adopt
}: {
  config: ForwardConfig
  journal: Journal
  term: () => number | undefined
  log: Log
  onChange: () => void
  onPurged: () => void
  adopt: ErasureExchangeOptions['adopt']
}): Forwarding => {
  let told: string | undefined
  const tell = (): void => {
    const { fault } = forwarder.state()
    if (fault === told) return
    told = fault
    onChange()
  }
  const nats = connectNats({
    servers: config.NATS_URL,
    credentials: config.NATS_CREDENTIALS,
    ca: config.NATS_CA,
    name: `leadmaster session-manager ${config.ACCOUNT}`,
    log,
    onChange: tell
  })
  const exchange = new ErasureExchange({
    account: config.ACCOUNT,
    journal,
    nats,
    replicas: config.NATS_REPLICAS,
    adopt,
    log
  })
  const forwarder = createForwarder({
    exchange,
    journal,
    account: config.ACCOUNT,
    nats,
    replicas: config.NATS_REPLICAS,
    keepMs: config.NATS_RETENTION,
    term,
    log,
    onChange: tell,
    onPurged,
    finishMs: config.SHUTDOWN_TIMEOUT * finishShare
  })
  return {
    nats,
    state: forwarder.state,
    purge: forwarder.purge,
    stop: async () => {
      await exchange.stop()
      await forwarder.stop()
    },
    close: nats.close
  }
}
