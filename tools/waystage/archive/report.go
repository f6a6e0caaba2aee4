package archive

import "slices"

// Report says what became of the lines of a file.
type Report struct {
	// Lines that hold something and were not passed over; each was accepted, refused or is
	// unsettled.
	Lines        int `json:"lines"`
	Accepted     int `json:"accepted"`
	RefusedLines int `json:"refused_lines"`
	// Untimed lines were accepted and state no time: ingest dated them by their receipt.
	Untimed int `json:"untimed"`
	// Unsettled lines were read, and not answered when the run ended early. Some of them may have
	// been accepted.
	Unsettled int `json:"unsettled"`
	// ResumeLine is the line to go on from after a run that ended early: all before it are
	// settled.
	ResumeLine int `json:"resume_line"`
	// Refused by reason.
	Refused map[string]*Reason `json:"refused"`
}

// Reason is what was refused for the same reason.
type Reason struct {
	Count int `json:"count"`
	// FirstLines are the first of them in file order, at most maxFirstLines.
	FirstLines []int `json:"first_lines"`
	// Detail is that of one of them.
	Detail string `json:"detail"`
}

const maxFirstLines = 5

// copied is a report of its own with the same counts.
func (r Report) copied() Report {
	refused := make(map[string]*Reason, len(r.Refused))
	for name, reason := range r.Refused {
		own := *reason
		own.FirstLines = slices.Clone(reason.FirstLines)
		refused[name] = &own
	}
	r.Refused = refused
	r.Unsettled = 0
	return r
}

// settle counts what became of an entry; Lines is the account's matter, which knows of it earlier.
func (r *Report) settle(p *pending) {
	if p.refusal == nil {
		r.Accepted++
		if p.Untimed {
			r.Untimed++
		}
		return
	}
	r.RefusedLines++
	reason := r.Refused[p.refusal.Reason]
	if reason == nil {
		reason = &Reason{Detail: p.refusal.Detail}
		r.Refused[p.refusal.Reason] = reason
	}
	reason.add(p.Line)
}

func (r *Reason) add(line int) {
	r.Count++
	at, _ := slices.BinarySearch(r.FirstLines, line)
	r.FirstLines = slices.Insert(r.FirstLines, at, line)
	r.FirstLines = r.FirstLines[:min(len(r.FirstLines), maxFirstLines)]
}

// Names of the reasons, the most frequent first.
func (r Report) Names() []string {
	names := make([]string, 0, len(r.Refused))
	for name := range r.Refused {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := r.Refused[b].Count - r.Refused[a].Count; d != 0 {
			return d
		}
		return r.Refused[a].FirstLines[0] - r.Refused[b].FirstLines[0]
	})
	return names
}
