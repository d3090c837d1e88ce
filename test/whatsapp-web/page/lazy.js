/**
 * The tables of reactions and votes: part of the page, or, in the era `next`, loaded when first
 * needed.
 */
/** Reactions and poll votes go into tables of their own. */
bundle('WAWebAddonReactionTableMode', (use) => ({
  reactionTableMode: {
    bulkUpsert: async (rows) => {
      for (const { reactionParentKey, reactionText } of rows)
        use('WAWebCollections')
          .Msg.get(reactionParentKey)
          ?.set({ hasReaction: reactionText !== '' })
    }
  }
}))
bundle('WAWebPollsVoteDataUtils', (use) => ({
  pollVoteMsgDataToVoteData: ({
    id,
    pollUpdateParentKey,
    selectedOptionLocalIds,
    senderTimestampMs,
    t,
    author,
    from,
    ack,
    read
  }) => ({
    msgKey: id,
    parentMsgKey: pollUpdateParentKey,
    selectedOptionLocalIds,
    senderTimestampMs,
    t,
    ack,
    read,
    sender: use('WAWebWidFactory').asUserWidOrThrow(author ?? from)
  })
}))
/** Every vote comes by here: those of the addon table, and those that are written without it. */
bundle('WAWebDBPollsUpsertVotes', (use) => {
  const votes = new Map()
  return {
    upsertVotesDb: async (all) => {
      for (const vote of all) votes.set(`${vote.parentMsgKey} ${vote.sender}`, vote)
      use('side').tell({ t: 'votes-stored', count: votes.size })
      return all
    }
  }
})
bundle('WAWebAddonPollVoteTableMode', (use) => ({
  pollVoteTableMode: {
    mode: 'PollVote',
    bulkUpsert: async (rows) => {
      const votes = rows.map((row) => {
        if (row.kind !== 'pollVoteDecrypted')
          throw new Error('AddonInfraError: NotSupportedMsgType')
        return use('WAWebPollsVoteDataUtils').pollVoteMsgDataToVoteData(row)
      })
      await use('WAWebDBPollsUpsertVotes').upsertVotesDb(votes)
    }
  }
}))

/**
 * How a row gets into its table: by the addon tables, or, for accounts without these, votes
 * directly.
 */
bundle('addons', (use) => ({
  storeReaction: async (reaction) =>
    use('WAWebAddonReactionTableMode').reactionTableMode.bulkUpsert([reaction]),
  storeVote: async (vote) => {
    if (use('scenario').votes === 'addon')
      return use('WAWebAddonPollVoteTableMode').pollVoteTableMode.bulkUpsert([vote])
    return use('WAWebDBPollsUpsertVotes').upsertVotesDb([
      use('WAWebPollsVoteDataUtils').pollVoteMsgDataToVoteData(vote)
    ])
  }
}))
