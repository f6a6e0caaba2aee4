package api_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// memory keeps sites, keys and maps in memory.
type memory struct {
	mu    sync.Mutex
	sites map[journey.SiteID]journey.Site
	keys  map[journey.KeyHash]journey.Key
	maps  map[journey.SiteID][]journey.Publication
	// saved are all versions of saved questions of site shop, oldest first; deleted the names that are.
	saved   []journey.SavedQuestion
	deleted map[journey.QuestionName]bool
	// lookups counts KeyByHash.
	lookups int
	// away makes every call fail.
	away bool
}

func newMemory() *memory {
	return &memory{
		sites: map[journey.SiteID]journey.Site{},
		keys:  map[journey.KeyHash]journey.Key{},
		maps:  map[journey.SiteID][]journey.Publication{},

		deleted: map[journey.QuestionName]bool{},
	}
}

func (m *memory) lock() (unlock func(), err error) {
	m.mu.Lock()
	if m.away {
		err = fault.New(fault.Unavailable, "the store is away; try again")
	}
	return m.mu.Unlock, err
}

func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memory) lookupsSoFar() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lookups
}

func (m *memory) CreateSite(_ context.Context, site journey.Site) error {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return err
	}
	if _, ok := m.sites[site.ID]; ok {
		return fault.New(fault.Exists, "site %q exists; choose another id", site.ID)
	}
	m.sites[site.ID] = site
	return nil
}

func (m *memory) UpdateSite(_ context.Context, site journey.Site) error {
	unlock, err := m.lock()
	defer unlock()
	if _, ok := m.sites[site.ID]; !ok && err == nil {
		err = fault.New(fault.NotFound, "there is no site %q; create it first", site.ID)
	}
	if err == nil {
		m.sites[site.ID] = site
	}
	return err
}

func (m *memory) Site(_ context.Context, id journey.SiteID) (journey.Site, error) {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return journey.Site{}, err
	}
	if site, ok := m.sites[id]; ok {
		return site, nil
	}
	return journey.Site{}, fault.New(fault.NotFound, "there is no site %q; create it first", id)
}

func (m *memory) Sites(context.Context) ([]journey.Site, error) {
	unlock, err := m.lock()
	defer unlock()
	var sites []journey.Site
	for _, s := range m.sites {
		sites = append(sites, s)
	}
	slices.SortFunc(sites, func(a, b journey.Site) int { return cmp.Compare(a.ID, b.ID) })
	return sites, err
}

func (m *memory) CreateKey(_ context.Context, key journey.Key, hash journey.KeyHash) error {
	unlock, err := m.lock()
	defer unlock()
	m.keys[hash] = key
	return err
}

func (m *memory) Keys(_ context.Context, site journey.SiteID) ([]journey.Key, error) {
	unlock, err := m.lock()
	defer unlock()
	var keys []journey.Key
	for _, k := range m.keys {
		if k.Site == site {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b journey.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return keys, err
}

func (m *memory) UpdateKey(_ context.Context, key journey.Key) (journey.Key, error) {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return journey.Key{}, err
	}
	for hash, k := range m.keys {
		if k.Site == key.Site && k.ID == key.ID {
			k.Label, k.Origins, k.Rate = key.Label, key.Origins, key.Rate
			m.keys[hash] = k
			return k, nil
		}
	}
	return journey.Key{}, fault.New(fault.NotFound, "there is no key %q", key.ID)
}

func (m *memory) RevokeKey(
	_ context.Context, site journey.SiteID, id journey.KeyID, at time.Time,
) (journey.Key, error) {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return journey.Key{}, err
	}
	for hash, k := range m.keys {
		if k.Site == site && k.ID == id {
			if !k.Revoked() {
				k.RevokedAt = at
			}
			m.keys[hash] = k
			return k, nil
		}
	}
	return journey.Key{}, fault.New(fault.NotFound, "there is no key %q", id)
}

func (m *memory) KeyByHash(_ context.Context, hash journey.KeyHash) (journey.Key, error) {
	unlock, err := m.lock()
	defer unlock()
	m.lookups++
	if err != nil {
		return journey.Key{}, err
	}
	if k, ok := m.keys[hash]; ok {
		return k, nil
	}
	return journey.Key{}, fault.New(fault.NotFound, "no such key")
}

// key makes a key whose secret is given.
func (m *memory) key(site journey.SiteID, kind journey.KeyKind, secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[rpc.HashOf(secret)] = journey.Key{
		Site: site, ID: journey.KeyID("id-" + secret), Kind: kind, CreatedAt: now,
	}
}

func (m *memory) Publish(
	_ context.Context, site journey.SiteID, source, title string,
) (journey.Publication, error) {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return journey.Publication{}, err
	}
	list := m.maps[site]
	if len(list) > 0 && list[0].Source == source {
		return list[0], nil
	}
	e := journey.Publication{
		Version: journey.MapVersion(len(list) + 1), Source: source, Title: title, InForceAt: now,
	}
	m.maps[site] = slices.Insert(list, 0, e)
	return e, nil
}

func (m *memory) Publication(
	_ context.Context, site journey.SiteID, version journey.MapVersion,
) (journey.Publication, error) {
	unlock, err := m.lock()
	defer unlock()
	if err != nil {
		return journey.Publication{}, err
	}
	for _, e := range m.maps[site] {
		if version == api.Newest || e.Version == version {
			return e, nil
		}
	}
	return journey.Publication{}, fault.New(fault.NotFound, "site %q has no such map version", site)
}

func (m *memory) Publications(_ context.Context, site journey.SiteID) ([]journey.Publication, error) {
	unlock, err := m.lock()
	defer unlock()
	list := slices.Clone(m.maps[site])
	for i := range list {
		list[i].Source = ""
	}
	return list, err
}

func (m *memory) SaveQuestion(
	ctx context.Context, site journey.SiteID, q journey.SavedQuestion,
) (journey.SavedQuestion, error) {
	versions, err := m.QuestionVersions(ctx, site, q.Name)
	if err != nil {
		return q, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(versions) > 0 && !m.deleted[q.Name] && versions[0].Same(q) {
		return versions[0], nil
	}
	q.Version, q.SavedAt = journey.QuestionVersion(len(versions)+1), now
	m.saved, m.deleted[q.Name] = append(m.saved, q), false
	return q, nil
}

func (m *memory) Question(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
	version journey.QuestionVersion,
) (journey.SavedQuestion, error) {
	versions, err := m.QuestionVersions(ctx, site, name)
	if err != nil {
		return journey.SavedQuestion{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range versions {
		if q.Version == version || version == 0 && !m.deleted[name] {
			return q, nil
		}
	}
	return journey.SavedQuestion{}, fault.New(fault.NotFound, "there is no question %q", name)
}

func (m *memory) Questions(
	ctx context.Context, site journey.SiteID,
) ([]journey.SavedQuestion, error) {
	all, err := m.QuestionVersions(ctx, site, "")
	newest := map[journey.QuestionName]journey.SavedQuestion{}
	for _, q := range slices.Backward(all) {
		newest[q.Name] = q
	}
	var list []journey.SavedQuestion
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, q := range newest {
		if !m.deleted[name] {
			list = append(list, q)
		}
	}
	slices.SortFunc(list, func(a, b journey.SavedQuestion) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

func (m *memory) QuestionVersions(
	_ context.Context, site journey.SiteID, name journey.QuestionName,
) ([]journey.SavedQuestion, error) {
	unlock, err := m.lock()
	defer unlock()
	var list []journey.SavedQuestion
	for _, q := range slices.Backward(m.saved) {
		if site == "shop" && (name == "" || q.Name == name) {
			list = append(list, q)
		}
	}
	return list, err
}

func (m *memory) DeleteQuestion(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) error {
	_, err := m.Question(ctx, site, name, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.deleted[name] = true
	}
	return err
}

// oracle gives the answers it was told, and remembers what it was asked.
type oracle struct {
	mu      sync.Mutex
	asked   []funnel.Question
	pages   []api.Page
	answer  api.Funnel
	persons []api.Person
	// beside is what FunnelAs answers, and groups what it was asked with.
	beside api.Funnel
	groups []funnel.Group
	// explained is what Explain answers, and named whom it was asked for.
	explained api.Explained
	named     []api.UnitName
	// meanwhile, if any, is called before an answer.
	meanwhile func(context.Context) error
}

func (o *oracle) ask(ctx context.Context, q funnel.Question) error {
	o.mu.Lock()
	o.asked = append(o.asked, q)
	meanwhile := o.meanwhile
	o.mu.Unlock()
	if meanwhile == nil {
		return nil
	}
	return meanwhile(ctx)
}

// last is the last question asked.
func (o *oracle) last() funnel.Question {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.asked) == 0 {
		return funnel.Question{}
	}
	return o.asked[len(o.asked)-1]
}

func (o *oracle) Funnel(
	ctx context.Context, _ journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	return o.answer, o.ask(ctx, q)
}

func (o *oracle) FunnelAs(
	ctx context.Context, _ journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	o.mu.Lock()
	o.groups = groups
	o.mu.Unlock()
	return o.beside, o.ask(ctx, q)
}

func (o *oracle) Persons(
	ctx context.Context, _ journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	o.mu.Lock()
	o.pages = append(o.pages, page)
	o.mu.Unlock()
	list := api.Persons{Total: len(o.persons), Facts: o.answer.Facts}
	for _, p := range o.persons {
		after := p.ID > page.After || p.ID == page.After && p.Number > page.AfterNumber
		if p.ID == 0 {
			after = page.AfterUnit == nil || p.Unit > *page.AfterUnit ||
				p.Unit == *page.AfterUnit && p.Number > page.AfterNumber
		}
		if after {
			list.Persons = append(list.Persons, p)
		}
	}
	if list.More = len(list.Persons) > page.Limit; list.More {
		list.Persons = list.Persons[:page.Limit]
	}
	return list, o.ask(ctx, q)
}

func (o *oracle) Explain(
	ctx context.Context, _ journey.SiteID, q funnel.Question, of api.UnitName,
) (api.Explained, error) {
	o.mu.Lock()
	o.named = append(o.named, of)
	o.mu.Unlock()
	return o.explained, o.ask(ctx, q)
}
