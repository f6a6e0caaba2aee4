package api

import "context"

// Progress is told how far a question is: rows read of rows to read, as far as is known, and how
// many questions wait before it. It returns at once, and is called by one goroutine at a time, and
// no more once the question is answered.
type Progress func(read, total uint64, waiting int)

type progressKey struct{}

// WithProgress asks for the progress of the questions of a context.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// ProgressOf is whom to tell, nil where nobody asks.
func ProgressOf(ctx context.Context) Progress {
	p, _ := ctx.Value(progressKey{}).(Progress)
	return p
}
