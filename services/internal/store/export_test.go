package store

import "context"

// StreamRows is Stream by way of the driver's rows.
func (s *Store) StreamRows(ctx context.Context, q Query, each func(*Block) error) error {
	return s.streamRows(ctx, q, each)
}
