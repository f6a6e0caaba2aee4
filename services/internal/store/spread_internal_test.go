package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpreadOf reads engines as ClickHouse writes them in system.tables.
func TestSpreadOf(t *testing.T) {
	t.Parallel()
	const (
		journeys    = "Distributed('shop', 'w', 'journeys_local', identity)"
		touchpoints = "Distributed('shop', 'w', 'touch`es', identity, 'hot') SETTINGS flush = 1"
		profiles    = "ReplicatedReplacingMergeTree('/p', '{replica}', derived_at) ORDER BY identity"
	)
	for _, c := range []struct {
		name                            string
		journeys, touchpoints, profiles string
		want                            Spread
	}{
		{"fit", journeys, touchpoints, profiles, Spread{
			Cluster: "shop", Journeys: "`w`.`journeys_local`", Touchpoints: "`w`.`touch\\`es`",
		}},
		{"by chance", "Distributed('shop', 'w', 'j', rand())", touchpoints, profiles, Spread{
			Cluster: "shop", Unfit: `journeys are spread by "rand()" and touchpoints by "identity", ` +
				"where both must be by identity",
		}},
		{"no key", journeys, "Distributed('shop', 'w', 't')", profiles, Spread{
			Cluster: "shop", Unfit: `journeys are spread by "identity" and touchpoints by "", ` +
				"where both must be by identity",
		}},
		{
			"policy alone", "Distributed('shop', 'w', 'j', cityHash64(identity, 1), 'hot')", touchpoints,
			profiles,
			Spread{
				Cluster: "shop", Unfit: `journeys are spread by "cityHash64(identity, 1)" and ` +
					`touchpoints by "identity", where both must be by identity`,
			},
		},
		{"other cluster", journeys, "Distributed('b', 'w', 't', identity)", profiles, Spread{
			Cluster: "shop", Unfit: "touchpoints are not spread over the cluster of journeys",
		}},
		{"touchpoints on one node", journeys, "ReplacingMergeTree ORDER BY at", profiles, Spread{
			Cluster: "shop", Unfit: "touchpoints are not spread over the cluster of journeys",
		}},
		{"profiles spread", journeys, touchpoints, "Distributed('shop', 'w', 'p', identity)", Spread{
			Cluster: "shop", Unfit: "profiles are spread, where each shard must have all",
		}},
		{"unreadable", "Distributed(shop)", touchpoints, profiles, Spread{
			Unfit: "the engine of journeys cannot be read",
		}},
	} {
		got := spreadOf(c.journeys, c.touchpoints, c.profiles)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
