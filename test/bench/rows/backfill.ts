import { startLinked, startLinkedPeer, startPage, askPeer } from '../whatsapp.ts'
import type { Row } from '../row.ts'
import { alternate, ratios, spread } from '../statistics.ts'

/** What was missed is read back, from the page to disk, against reading chat by chat through the library's own API. */

const row: Row = async (bench) => {
  const [chats, perChat, rounds] = bench.quick ? [100, 20, 2] : [500, 20, 5]
  const missed = chats * perChat
  const page = () => startPage(bench, (web) => void web.phone.history({ chats, perChat, from: Math.floor(Date.now() / 1_000) - missed, spacingS: 1 }))
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
  return { figures: [{ what: `${chats} chats × ${perChat}`, unit: 'ms', ours: spread(runs.ours), against: { name: 'getChats, fetchMessages', figure: spread(runs.library) }, ratio, target: { text: '≥ 5', met: ratio.median >= 5 } }] }
}

export default row
