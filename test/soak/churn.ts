import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LeadMasterError, type Client } from '../../src/client/index.ts'
import { hasLeft, leaver, type Ledger } from './ledger.ts'

/**
 * The hub's users: they read lists and conversations, write notes, delete leads, export, come and
 * go; a receiver of webhooks is up and down.
 */

export interface Churn {
  counts(): Readonly<Record<string, number>>
  /** What was refused or failed, by its message. */
  failures(): Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** @param pauseMs between one thing that a user does and the next */
export const startChurn = async (
  client: Client,
  ledger: Ledger,
  pauseMs: number
): Promise<Churn> => {
  const stopping = new AbortController()
  const { signal } = stopping
  const counts: Record<string, number> = {}
  const failures: Record<string, number> = {}
  const tally = (of: Record<string, number>, name: string): void =>
    void (of[name] = (of[name] ?? 0) + 1)

  /** Does something again and again; one failure is told, and costs that time alone. */
  const often = async (
    name: string,
    ms: number,
    act: (round: number) => Promise<unknown>
  ): Promise<void> => {
    for (let round = 0; !signal.aborted; round += 1) {
      try {
        await act(round)
        tally(counts, name)
      } catch (error) {
        if (!signal.aborted)
          tally(failures, `${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
      await delay(ms * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined)
    }
  }
  const drain = async (res: Response): Promise<void> => {
    for await (const _piece of res.body ?? []);
  }

  const receiver = createServer((req, res) => {
    tally(counts, 'webhooks received')
    req.resume().on('end', () => res.writeHead(204).end())
  })
  const listen = async (port: number): Promise<number> => {
    receiver.listen(port, '127.0.0.1')
    await once(receiver, 'listening')
    return (receiver.address() as AddressInfo).port
  }
  const port = await listen(0)
  await client.createWebhook({
    body: {
      url: `http://127.0.0.1:${port}/`,
      events: ['lead.created', 'lead.removed', 'session.changed']
    }
  })
  const close = async (): Promise<void> => {
    const closed = once(receiver, 'close')
    receiver.close()
    receiver.closeAllConnections()
    await closed
  }

  const read = async (round: number): Promise<void> => {
    const { leads } = await client.listLeads(
      { limit: 50, ...(round % 3 === 0 ? { waiting: true } : {}) },
      { signal }
    )
    const lead = leads[round % Math.max(1, leads.length)]
    if (lead === undefined) return
    await client.listLeadMessages({ id: lead.id, limit: 50 }, { signal })
    if (round % 5 === 0) await client.listMessages({ q: `message ${round}`, limit: 20 }, { signal })
    if (round % 20 === 0) await client.getStats({}, { signal })
  }
  const note = async (round: number): Promise<void> => {
    const { leads } = await client.listLeads({ limit: 20 }, { signal })
    const lead = leads[round % Math.max(1, leads.length)]
    if (lead !== undefined)
      await client.patchLead(
        {
          id: lead.id,
          body: { note: `note ${round}`, ...(round % 4 === 0 ? { state: 'open' as const } : {}) }
        },
        { signal }
      )
  }
  /**
   * Does what a user does whose deletion failed: the same again. That the answer alone was lost
   * shows as a lead that is gone.
   */
  const insist = async (act: () => Promise<unknown>): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return void (await act())
      } catch (error) {
        if (signal.aborted || tries === 5) throw error
        if (error instanceof LeadMasterError && error.status === 404) return
        tally(
          failures,
          `a deletion, done again: ${error instanceof Error ? error.message : String(error)}`
        )
      }
      await delay(pauseMs * tries, undefined, { signal })
    }
  }
  /**
   * Deletes two of those who have written their little, once all of it has come. Each deletion
   * rewrites both files.
   */
  const remove = async (): Promise<void> => {
    let left = 2
    const { leads } = await client.listLeads({ q: `+${leaver}`, limit: 20 }, { signal })
    for (const { id, phone } of leads) {
      const chat = (phone ?? '').replace('+', '')
      if (!hasLeft(chat, ledger.counts().written) || !ledger.arrived(chat)) continue
      if ((left -= 1) < 0) return
      ledger.erase(chat)
      await insist(() => client.deleteLead({ id }, { signal }))
      tally(counts, 'leads deleted')
    }
  }
  const visit = async (): Promise<void> => {
    const leaving = AbortSignal.any([
      signal,
      AbortSignal.timeout(Math.round(pauseMs * (2 + Math.random() * 8)))
    ])
    for await (const { type } of client.events({ signal: leaving })) if (type === 'end') return
  }

  const running = [
    ...[1, 2, 3].map(() => often('reads', pauseMs / 2, read)),
    ...[1, 2, 3, 4].map(() => often('visits to the events', pauseMs, visit)),
    often('notes', pauseMs, note),
    often('looks for leads to delete', pauseMs * 60, remove),
    often('exports of leads', pauseMs * 20, async (round) =>
      drain(
        round % 2 === 0
          ? await client.exportLeadsCsv({}, { signal })
          : await client.exportLeadsJsonl({}, { signal })
      )
    ),
    often('exports of messages', pauseMs * 60, async () =>
      drain(await client.exportMessagesCsv({}, { signal }))
    ),
    often('receiver down and up', pauseMs * 15, async () => {
      await close()
      await delay(pauseMs * 5, undefined, { signal }).catch(() => undefined)
      await listen(port)
    })
  ]
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    stopping.abort()
    await Promise.all(running)
    await close()
  }
  return { counts: () => counts, failures: () => failures, stop: () => (stopped ??= stop()) }
}
