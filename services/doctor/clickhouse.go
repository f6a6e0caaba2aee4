package doctor

import (
	"context"
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
)

const clickHousePart = "clickhouse"

// The oldest release of ClickHouse that the product is tested with.
const leastYear, leastMonth = 25, 3

func lookAtClickHouse(ctx context.Context, c Config, tell teller) {
	if c.ClickHouse == "" {
		tell.skip(clickHousePart, "address",
			"its address is not known: set WAYSTAGE_CLICKHOUSE_DSN, as for the services")
		return
	}
	st, err := store.Open(c.ClickHouse)
	if err != nil {
		tell.judge(clickHousePart, "address", Fail, fault.Message(err), "the address cannot be used")
		return
	}
	defer st.Close() //nolint:errcheck // nothing is lost with it
	began := c.Now()
	condition, err := st.Condition(ctx)
	switch {
	case fault.Of(err) == fault.Internal:
		tell.judge(clickHousePart, "server", Fail, "see whether user, password and settings of "+
			"WAYSTAGE_CLICKHOUSE_DSN are right, and what the log of ClickHouse says of them",
			"it answers with a refusal: %s", fault.Message(err))
		return
	case err != nil:
		tell.judge(clickHousePart, "server", Fail, "start it, or set WAYSTAGE_CLICKHOUSE_DSN to where "+
			"it is; touchpoints wait on Kafka meanwhile", "it does not answer: %s", fault.Message(err))
		return
	}
	tell.server(condition)
	// The clock was read at the beginning of all this.
	took := c.Now().Sub(began)
	tell.clock(clickHousePart, condition.Now.Sub(began.Add(took/2)), took/2)
	tell.schema(condition)
	for _, d := range condition.Disks {
		tell.disk(clickHousePart, "disk "+d.Name, d.FreeBytes, d.TotalBytes)
	}
	tell.tables(condition)
}

func (t teller) server(c store.Condition) {
	do := ""
	if year, month, ok := release(c.Version); ok &&
		(year < leastYear || year == leastYear && month < leastMonth) {
		do = "upgrade it to " + strconv.Itoa(leastYear) + "." + strconv.Itoa(leastMonth) + " or later"
	}
	t.judge(clickHousePart, "server", Warn, do, "ClickHouse %s, time zone %s", c.Version, c.TimeZone)
}

func release(version string) (year, month int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	year, errYear := strconv.Atoi(parts[0])
	month, errMonth := strconv.Atoi(parts[1])
	return year, month, errYear == nil && errMonth == nil
}

func (t teller) schema(c store.Condition) {
	state, do := Fail, ""
	switch {
	case c.Schema == 0:
		do = "start query or the processor: they make the schema"
	case c.Schema < c.WantedSchema:
		do = "restart query or the processor of this release: they bring the schema up to date"
	case c.Schema > c.WantedSchema:
		state, do = Warn, "this command is older than the installation: use the release that runs there"
	}
	t.judge(clickHousePart, "schema", state, do, "version %d of %d", c.Schema, c.WantedSchema)
}

func (t teller) tables(c store.Condition) {
	var rows, bytes uint64
	crowded, parts := "", uint64(0)
	for _, table := range c.Tables {
		rows, bytes = rows+table.Rows, bytes+table.Bytes
		if table.MostParts > parts {
			crowded, parts = table.Name, table.MostParts
		}
	}
	do := ""
	if parts > manyParts {
		do = "ClickHouse does not keep up with merging: give it faster disks or more processors, or " +
			"raise WAYSTAGE_PROCESSOR_BATCH_AGE"
	}
	t.judge(clickHousePart, "tables", Warn, do,
		"%d rows, %s on disk; most parts of a partition: %d (%s)", rows, size(bytes), parts, crowded)
	if len(c.Failing) > 0 {
		t.judge(clickHousePart, "changes", Fail, "look at system.mutations; KILL MUTATION where it is "+
			"no use", "%d do not get done: %s", len(c.Failing), strings.Join(c.Failing, "; "))
	}
	if len(c.ReadOnly) > 0 {
		t.judge(clickHousePart, "replicas", Fail,
			"look at ClickHouse Keeper: a replica without it takes no writes",
			"%s are read only", strings.Join(c.ReadOnly, ", "))
	}
}
