package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

func saved(name, content string) journey.SavedQuestion {
	return journey.SavedQuestion{
		Name: journey.QuestionName(name), Title: "T\t" + name, Kind: "funnel", Content: content,
	}
}

func (d database) save(t *testing.T, q journey.SavedQuestion) journey.SavedQuestion {
	t.Helper()
	kept, err := d.SaveQuestion(t.Context(), site, q)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// TestQuestionVersions walks through the life of a name: versions count without gaps, the same
// makes none, a deleted name keeps its versions and goes on counting.
func TestQuestionVersions(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	first := d.save(t, saved("weekly", `{"a":"\n\\"}`))
	want := saved("weekly", `{"a":"\n\\"}`)
	want.Version = 1
	if diff := cmp.Diff(want, first, cmpopts.IgnoreFields(first, "SavedAt")); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	if again := d.save(t, saved("weekly", `{"a":"\n\\"}`)); !cmp.Equal(first, again) {
		t.Errorf("the same makes %+v of %+v", again, first)
	}
	titled := saved("weekly", `{"a":"\n\\"}`)
	titled.Title = "Another"
	if got := d.save(t, titled); got.Version != 2 {
		t.Errorf("another title makes version %d", got.Version)
	}
	if err := d.DeleteQuestion(ctx, site, "weekly"); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Questions(ctx, site); err != nil || len(got) > 0 {
		t.Errorf("a deleted name is listed: %v, %v", got, err)
	}
	if _, err := d.Question(ctx, site, "weekly", 0); fault.Of(err) != fault.NotFound {
		t.Errorf("the newest of a deleted name gives %v", err)
	}
	if err := d.DeleteQuestion(ctx, site, "weekly"); fault.Of(err) != fault.NotFound {
		t.Errorf("deleting twice gives %v", err)
	}
	if got, err := d.Question(ctx, site, "weekly", 1); err != nil || !cmp.Equal(first, got) {
		t.Errorf("version 1 of a deleted name: %+v, %v", got, err)
	}
	if got := d.save(t, titled); got.Version != 3 {
		t.Errorf("saved after it was deleted: version %d", got.Version)
	}
	versions, err := d.QuestionVersions(ctx, site, "weekly")
	var numbers []journey.QuestionVersion
	for _, v := range versions {
		numbers = append(numbers, v.Version)
	}
	if err != nil || !slices.Equal(numbers, []journey.QuestionVersion{3, 2, 1}) {
		t.Errorf("versions %v, %v", numbers, err)
	}
	if _, err := d.Question(ctx, site, "weekly", 4); fault.Of(err) != fault.NotFound {
		t.Errorf("a version to come gives %v", err)
	}
}

func TestQuestionsOfASite(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.save(t, saved("b", "1"))
	d.save(t, saved("a", "1"))
	newest := d.save(t, saved("b", "2"))
	if _, err := d.SaveQuestion(t.Context(), "other", saved("c", "1")); err != nil {
		t.Fatal(err)
	}
	got, err := d.Questions(t.Context(), site)
	if err != nil || len(got) != 2 || got[0].Name != "a" || !cmp.Equal(got[1], newest) {
		t.Errorf("listed %+v, %v", got, err)
	}
}

// TestQuestionsSavedAtOnce: of saves at the same time each gets a version of its own, and none is
// left out.
func TestQuestionsSavedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const savers = 6
	kept := make([]journey.SavedQuestion, savers)
	var all sync.WaitGroup
	for i := range savers {
		all.Go(func() {
			got, err := d.SaveQuestion(t.Context(), site, saved("weekly", fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
			}
			kept[i] = got
		})
	}
	all.Wait()
	var numbers []journey.QuestionVersion
	for i, q := range kept {
		numbers = append(numbers, q.Version)
		got, err := d.Question(t.Context(), site, "weekly", q.Version)
		if err != nil || got.Content != fmt.Sprint(i) || !cmp.Equal(got, q) {
			t.Errorf("version %d is %+v, %v; told %+v", q.Version, got, err, q)
		}
	}
	slices.Sort(numbers)
	if !slices.Equal(numbers, []journey.QuestionVersion{1, 2, 3, 4, 5, 6}) {
		t.Errorf("versions %v", numbers)
	}
}
