package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

const (
	// settleDelay is how long a save waits before it looks who was first: more than a row needs
	// from the server's clock, which dates it, to being visible.
	settleDelay = 250 * time.Millisecond
	// saveAttempts is how often a save goes on behind others that were first.
	saveAttempts = 20
)

// SaveQuestion keeps a question as the next version of its name and gives it; if the newest version
// is the same and the name is not deleted, it gives that one instead. Of saves at the same time
// each gets a version of its own. Name, Title, Kind and Content are taken. Errors: Unavailable.
func (s *Store) SaveQuestion(
	ctx context.Context, site journey.SiteID, q journey.SavedQuestion,
) (journey.SavedQuestion, error) {
	for range saveAttempts {
		newest, deleted, err := s.newestQuestion(ctx, site, q.Name)
		if err != nil {
			return q, err
		}
		if newest.Version > 0 && !deleted && newest.Same(q) {
			return newest, nil
		}
		q.Version = newest.Version + 1
		kept, won, err := s.claimVersion(ctx, site, q)
		if err != nil || won {
			return kept, err
		}
	}
	return q, fault.New(fault.Unavailable,
		"question %q is being saved by many at the same time; save it again", q.Name)
}

// claimVersion inserts a version and tells whether it was the first of that number.
func (s *Store) claimVersion(
	ctx context.Context, site journey.SiteID, q journey.SavedQuestion,
) (journey.SavedQuestion, bool, error) {
	id := uuid.New()
	err := s.insert(ctx, "saved_questions (site, name, version, deleted, id, title, kind, content)",
		func(add func(...any)) {
			add(string(site), string(q.Name), uint32(q.Version), false, id, q.Title, q.Kind, q.Content)
		})
	if err != nil {
		return q, false, err
	}
	wait := time.NewTimer(settleDelay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return q, false, fmt.Errorf("waiting for version %d of a question: %w", q.Version, ctx.Err())
	}
	var winner uuid.UUID
	err = s.conn.QueryRow(withParams(ctx, questionParams(site, q.Name, q.Version)),
		`SELECT id, saved_at FROM saved_questions WHERE site = {site:String}
		AND name = {name:String} AND version = {version:UInt32} AND NOT deleted
		ORDER BY saved_at, id LIMIT 1`).Scan(&winner, &q.SavedAt)
	if err != nil {
		return q, false, s.broken(err, "reading the saved question back")
	}
	q.SavedAt = q.SavedAt.UTC()
	return q, winner == id, nil
}

// newestQuestion gives the newest version of a name and whether the name is deleted. Version is 0
// where there is none.
func (s *Store) newestQuestion(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) (journey.SavedQuestion, bool, error) {
	found, err := s.questions(ctx, "name = {name:String}", "",
		questionParams(site, name, 0), "LIMIT 1")
	if err != nil || len(found) == 0 {
		return journey.SavedQuestion{Name: name}, false, err
	}
	return found[0].SavedQuestion, found[0].deleted, nil
}

// Question gives one version of a saved question, also of a deleted one; or for version 0 the
// newest of one that is not. Errors: NotFound, Unavailable.
func (s *Store) Question(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
	version journey.QuestionVersion,
) (journey.SavedQuestion, error) {
	where := "name = {name:String}"
	if version > 0 {
		where += " AND version = {version:UInt32}"
	}
	found, err := s.questions(ctx, where, "", questionParams(site, name, version), "LIMIT 1")
	switch {
	case err != nil:
		return journey.SavedQuestion{}, err
	case len(found) == 0 || version == 0 && found[0].deleted:
		return journey.SavedQuestion{}, fault.New(fault.NotFound,
			"site %q has no such saved question or version of it: %s; list them, or save it first",
			site, name)
	}
	return found[0].SavedQuestion, nil
}

// Questions gives the newest version of every name that is not deleted, by name. Errors:
// Unavailable.
func (s *Store) Questions(
	ctx context.Context, site journey.SiteID,
) ([]journey.SavedQuestion, error) {
	found, err := s.questions(ctx, "1", "LIMIT 1 BY name", questionParams(site, "", 0), "")
	if err != nil {
		return nil, err
	}
	var live []journey.SavedQuestion
	for _, q := range found {
		if !q.deleted {
			live = append(live, q.SavedQuestion)
		}
	}
	return live, nil
}

// QuestionVersions gives all versions of a name, newest first, those of a deleted one too. Errors:
// Unavailable.
func (s *Store) QuestionVersions(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) ([]journey.SavedQuestion, error) {
	found, err := s.questions(ctx, "name = {name:String}", "", questionParams(site, name, 0), "")
	if err != nil {
		return nil, err
	}
	versions := make([]journey.SavedQuestion, len(found))
	for i, q := range found {
		versions[i] = q.SavedQuestion
	}
	return versions, nil
}

// DeleteQuestion takes a name out of the list; its versions stay. A version that is being saved at
// the same time may bring it back. Errors: NotFound, Unavailable.
func (s *Store) DeleteQuestion(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) error {
	newest, err := s.Question(ctx, site, name, 0)
	if err != nil {
		return err
	}
	return s.insert(ctx, "saved_questions (site, name, version, deleted, id)",
		func(add func(...any)) {
			add(string(site), string(name), uint32(newest.Version), true, uuid.New())
		})
}

func questionParams(
	site journey.SiteID, name journey.QuestionName, version journey.QuestionVersion,
) map[string]string {
	return map[string]string{
		"site": string(site), "name": string(name), "version": fmt.Sprint(version),
	}
}

// keptQuestion is a version and whether its name was deleted when it was the newest.
type keptQuestion struct {
	journey.SavedQuestion

	deleted bool
}

// questions gives versions by name, each name's newest first.
func (s *Store) questions(
	ctx context.Context, where, by string, params map[string]string, limit string,
) ([]keptQuestion, error) {
	rows, err := s.conn.Query(withParams(ctx, params), `SELECT name, version,
			argMinIf(title, (saved_at, id), NOT deleted), argMinIf(kind, (saved_at, id), NOT deleted),
			argMinIf(content, (saved_at, id), NOT deleted), minIf(saved_at, NOT deleted), max(deleted)
		FROM saved_questions WHERE site = {site:String} AND `+where+`
		GROUP BY name, version ORDER BY name, version DESC `+by+` `+limit)
	if err != nil {
		return nil, s.broken(err, "reading saved questions")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var found []keptQuestion
	for rows.Next() {
		var q keptQuestion
		err := rows.Scan((*string)(&q.Name), (*uint32)(&q.Version), &q.Title, &q.Kind, &q.Content,
			&q.SavedAt, &q.deleted)
		if err != nil {
			return nil, s.broken(err, "reading a saved question")
		}
		q.SavedAt = q.SavedAt.UTC()
		found = append(found, q)
	}
	return found, s.broken(rows.Err(), "reading saved questions")
}
