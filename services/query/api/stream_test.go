package api_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// TestStreamedPages: a streamed list gives what a list does, and each goes on from the other's page.
func TestStreamedPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	var want []string
	for i := range 7 {
		h.oracle.persons = append(h.oracle.persons, person(i+1))
		want = append(want, journey.PersonID(i+1).String())
	}
	client := funnelv1.NewFunnelServiceClient(h.conn)
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/shop", Question: question(t, base+"}"), Step: 2, PageSize: 2,
		Selection: funnelv1.PersonSelection_PERSON_SELECTION_DROPPED,
	}
	var got []string
	for turn := range 4 {
		var page *funnelv1.ListFunnelPersonsResponse
		var err error
		if turn%2 == 0 {
			page, err = streamPage(t, client, request)
		} else {
			page, err = client.ListFunnelPersons(as(t.Context(), readToken), request)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.GetPersons() {
			got = append(got, p.GetPersonId())
		}
		request.PageToken = page.GetNextPageToken()
	}
	if !slices.Equal(got, want) || request.GetPageToken() != "" {
		t.Errorf("persons %v, then %q", got, request.GetPageToken())
	}
	for i, page := range h.oracle.pages {
		if page.Step != 2 || page.Part != funnel.Dropped || page.Limit != 2 {
			t.Errorf("page %d is asked as %+v", i, page)
		}
	}
}

// streamPage asks for a page by a streamed list, which states the same in the same fields.
func streamPage(
	t *testing.T, client funnelv1.FunnelServiceClient, list *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	t.Helper()
	wire, err := proto.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	request := new(funnelv1.StreamFunnelPersonsRequest)
	if err := proto.Unmarshal(wire, request); err != nil {
		t.Fatal(err)
	}
	stream, err := client.StreamFunnelPersons(as(t.Context(), readToken), request)
	for err == nil {
		var m *funnelv1.StreamFunnelPersonsResponse
		if m, err = stream.Recv(); err == nil && m.GetAnswer() != nil {
			return m.GetAnswer(), nil
		}
	}
	return nil, err
}
