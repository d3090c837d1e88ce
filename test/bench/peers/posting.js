import axios from 'axios'
import { open } from './library.js'

// The usual way: the handler posts each message to the hub, and with two posts also whom it is
// from.

const config = JSON.parse(process.argv[2])
open(config, async (message, state) => {
  try {
    if (config.posts === 2)
      await axios.post(`${config.hub}/leads`, {
        phone: message.from,
        name: message.rawData.notifyName
      })
    await axios.post(`${config.hub}/messages`, message.rawData)
  } catch (error) {
    state.failed = (state.failed ?? 0) + 1
    console.error(String(error))
  }
})
