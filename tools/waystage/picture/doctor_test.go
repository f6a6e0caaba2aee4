package picture

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/doctor"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	all := []doctor.Finding{
		{Part: "kafka", About: "brokers", State: doctor.Fine, Says: "3 of the cluster answer"},
		{
			Part: "kafka", About: "touchpoints topic", State: doctor.Warn,
			Says: "waystage.touchpoints: 8 partitions, 1 copies, 1 in sync, kept for 7 days",
			Do:   "give it 3 copies: the cluster has the brokers for them",
		},
		{
			Part: "clickhouse", About: "server", State: doctor.Fail, Says: "it does not answer: \x1b[2J",
			Do: "start it, or set WAYSTAGE_CLICKHOUSE_DSN to where it is; touchpoints wait on Kafka",
		},
		{Part: "site", About: "map", State: doctor.Skip, Says: "no instance runs here"},
	}
	for name, paper := range map[string]Paper{
		"doctor": {}, "doctor-color": {Color: true, Width: 140},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			last := ""
			for _, f := range all {
				if err := paper.Finding(&out, f, f.Part != last); err != nil {
					t.Fatal(err)
				}
				last = f.Part
			}
			if err := paper.Findings(&out, all); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.String())
		})
	}
}
