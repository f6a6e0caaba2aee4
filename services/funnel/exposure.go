package funnel

// exposure says for how long units were looked at after a step: those lost until it was too late,
// those who went on until they did.
//
// The lost have more time, so that they would meet more of anything. For a fair look each of them
// would be looked at for as long as one of those who went on took, drawn by chance, and each who
// went on for no longer than one of the lost had: then all are looked at for the lesser of a time
// taken and a time left, drawn apart, and whatever makes no difference is met by as many of both.
// No chance is needed for it: a table holds the expected numbers over all draws, to the nearest
// unit, and so hangs on nothing but the facts. Source, of the draws: Z. Zhou et al., "Survival bias
// associated with time-to-treatment initiation in drug effectiveness evaluation: a comparison of
// methods", 2005 (prescription time-distribution matching).
type exposure struct{ lost, wentOn ladder }

// gatherAccounts puts together what units of some totals met after a depth.
func gatherAccounts(of []*totals, depth int) (exposure, map[Candidate][]*meetings) {
	var lost, wentOn []*spans
	met := make(map[Candidate][]*meetings)
	for _, t := range of {
		if t.accounts == nil || t.accounts[depth] == nil {
			continue
		}
		a := t.accounts[depth]
		lost, wentOn = append(lost, &a.lost), append(wentOn, &a.wentOn)
		for c, m := range a.met {
			met[c] = append(met[c], m)
		}
	}
	return exposure{lost: ladderOf(lost), wentOn: ladderOf(wentOn)}, met
}

// table counts those who met something: of the lost, as many as on the average took longer to go
// on than the meeting came after the step; of those who went on, as many as of the lost had until
// then.
func (x *exposure) table(met []*meetings) fourfold {
	f := fourfold{lost: len(x.lost.times), wentOn: len(x.wentOn.times)}
	var lost, wentOn int
	for _, m := range met {
		m.lost.each(func(ms uint64) { lost += x.wentOn.notBefore(ms + 1) })
		m.wentOn.each(func(ms uint64) { wentOn += x.lost.notBefore(ms) })
	}
	f.lostWith = (2*lost + f.wentOn) / (2 * f.wentOn)
	f.wentOnWith = (2*wentOn + f.lost) / (2 * f.lost)
	return f
}
