import { startLinked, startLinkedPeer, startPage, askPeer } from '../whatsapp.ts'
import type { Bench, Figure, Row } from '../row.ts'
import { alternate, ratios, spread } from '../../lab/statistics.ts'

/**
 * What was missed is read back, from the page to disk, against reading chat by chat through the
 * library's own API.
 */

/**
 * How long the simulated page takes to load earlier messages of a chat, for both sides alike. The
 * real one reads them from its database, or asks the phone, which takes tens to hundreds of ms:
 * this is the low end. With 0 all that is measured is the cost of the page's own models, which both
 * sides pay.
 */
const loadsMs = [20, 0]

const compare = async (
  bench: Bench,
  loadMs: number,
  [chats, perChat, rounds]: readonly [number, number, number]
): Promise<Figure> => {
  const missed = chats * perChat
  const page = () =>
    startPage(bench, (web) => {
      web.scenario.loadMs = loadMs
      web.phone.history({
        chats,
        perChat,
        from: Math.floor(Date.now() / 1_000) - missed,
        spacingS: 1
      })
    })
  const runs = await alternate(rounds, {
    ours: async () => {
      const web = await page()
      const { daemon } = await startLinked(bench, web)
      const told = await daemon.seen('backfill')
      await daemon.end()
      await web.close()
      if (told['new'] !== missed) throw new Error(`read back ${String(told['new'])} of ${missed}`)
      return Number(told['ms'])
    },
    library: async () => {
      const web = await page()
      const peer = await startLinkedPeer(bench, web, 'library.js')
      const { ms, messages } = await askPeer<{ ms: number; messages: number }>(peer, '/read')
      await peer.end()
      await web.close()
      if (messages !== missed) throw new Error(`the library read ${messages} of ${missed}`)
      return ms
    }
  })
  const ratio = ratios(runs.library, runs.ours)
  return {
    what: `${chats} chats × ${perChat}, a load takes ${loadMs} ms`,
    unit: 'ms',
    ours: spread(runs.ours),
    against: { name: 'getChats, fetchMessages', figure: spread(runs.library) },
    ratio,
    target: { text: '≥ 5', met: ratio.median >= 5 }
  }
}

const row: Row = async (bench) => {
  const figures: Figure[] = []
  for (const loadMs of loadsMs)
    figures.push(await compare(bench, loadMs, bench.quick ? [100, 20, 2] : [500, 20, 3]))
  return {
    figures,
    notes: [
      'a load: of earlier messages of one chat, by the simulated page, for both alike; LeadMaster loads for at most 20 chats at once'
    ]
  }
}

export default row
