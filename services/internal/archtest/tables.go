package archtest

// layer is what a package is; the rules follow from it.
type layer string

const (
	// pure packages compute: no I/O, clock, goroutine, logger, metric or context.
	pure layer = "pure package"
	// adapter packages each hold one foreign library.
	adapter layer = "adapter"
	// service packages are the parts of one service.
	service layer = "service"
	// program packages are the mains of the services.
	program layer = "program"
	// ground packages serve all others: configuration, the embedded engines, these checks.
	ground layer = "ground"
	// double packages hold doubles and contract suites for tests.
	double layer = "double"
	// tool packages are the developers' and operators' commands.
	tool layer = "tool"
	// contract packages are the public messages.
	contract layer = "contract"
)

// entry says what a package is. Paths are those of the tree, without the module's host part; one
// that ends in "/..." stands for a package and all below it.
type entry struct {
	path  string
	layer layer
	// may lists what a pure package may import besides the harmless part of the standard
	// library; a library stands for all its packages.
	may []string
}

// packages is the whole tree. A package that stands in no entry fails the test: add it here and
// think about its layer. Entries without a package do no harm. Doubles stand in none: they are
// the packages named for another one with "test" at the end, such as internal/storetest for
// internal/store, and those with such an end below another one, such as engine/enginetest.
var packages = []entry{
	{path: "services/journey", layer: pure, may: []string{
		"github.com/goccy/go-yaml", "cel.dev/cel-go",
	}},
	{path: "services/journey/maps", layer: pure},
	{path: "services/identity", layer: pure, may: []string{"services/journey"}},
	{path: "services/funnel", layer: pure, may: []string{
		"services/journey", "services/identity", "gonum.org/v1/gonum",
	}},
	{path: "services/world", layer: pure, may: []string{
		"services/journey", "services/identity", "services/funnel",
	}},
	{path: "services/ingest/admit", layer: pure, may: []string{
		"services/journey", "services/internal/fault",
	}},
	{path: "services/processor/enrich", layer: pure, may: []string{
		"services/journey", "github.com/mileusna/useragent", "golang.org/x/net",
	}},
	{path: "services/processor/catalogue", layer: pure, may: []string{
		"services/journey", "services/identity", "github.com/hashicorp/golang-lru",
	}},
	{path: "services/processor/settle", layer: pure, may: []string{"services/journey"}},
	{path: "services/query/plan", layer: pure, may: []string{
		"services/journey", "services/funnel",
	}},
	{path: "services/query/table", layer: pure, may: []string{
		"services/internal/fault", "proto/gen", "google.golang.org/protobuf",
		"github.com/apache/arrow-go",
	}},
	{path: "services/internal/wire", layer: pure, may: []string{
		"services/journey", "proto/gen", "google.golang.org/protobuf",
	}},
	// Only the two errors of a context, to know them.
	{path: "services/internal/fault", layer: pure, may: []string{"context"}},

	{path: "services/internal/stream/...", layer: adapter},
	{path: "services/internal/store/...", layer: adapter},
	{path: "services/internal/rpc/...", layer: adapter},
	{path: "services/internal/host/...", layer: adapter},

	{path: "services/ingest", layer: service},
	{path: "services/ingest/capture", layer: service},
	{path: "services/ingest/quota", layer: service},
	{path: "services/processor", layer: service},
	{path: "services/processor/batch", layer: service},
	{path: "services/processor/derive", layer: service},
	{path: "services/processor/identity", layer: service},
	{path: "services/processor/quarantine", layer: service},
	{path: "services/query", layer: service},
	{path: "services/query/api", layer: service},
	{path: "services/query/admission", layer: service},
	{path: "services/query/answer", layer: service},
	{path: "services/query/console", layer: service},
	{path: "services/doctor", layer: service},
	{path: "services/ingest/cmd/ingest", layer: program},
	{path: "services/processor/cmd/processor", layer: program},
	{path: "services/query/cmd/query", layer: program},

	{path: "services/engine", layer: ground},
	{path: "services/engine/broker", layer: ground},
	{path: "services/internal/conf", layer: ground},
	{path: "services/internal/docs", layer: ground},
	{path: "services/internal/archtest", layer: ground},
	{path: "services/internal/spinetest", layer: double},

	{path: "tools/bench/...", layer: tool},
	{path: "tools/e2e/...", layer: tool},
	{path: "tools/loadgen/...", layer: tool},
	{path: "tools/openapi", layer: tool},
	{path: "tools/shopper/...", layer: tool},
	{path: "tools/testsum", layer: tool},
	{path: "tools/waystage/...", layer: tool},

	{path: "proto/gen/...", layer: contract},
	{path: "proto/collect", layer: contract},
	{path: "proto/question", layer: contract},
}

// homes are the only packages, with those below them, that may import a library. Tests and
// doubles may too.
var homes = []struct {
	library string
	homes   []string
}{
	// The bare server that ingest is measured beside writes by the library alone.
	{"github.com/segmentio/kafka-go", []string{"services/internal/stream", "tools/bench/floor"}},
	{"github.com/ClickHouse/clickhouse-go", []string{"services/internal/store", "services/engine"}},
	// The engine encodes blocks anew with its column codecs; the benchmark reads them.
	{"github.com/ClickHouse/ch-go", []string{
		"services/internal/store", "services/engine", "tools/bench",
	}},
	{"github.com/ebitengine/purego", []string{"services/engine"}},
	{"github.com/apache/arrow-go", []string{"services/query/table"}},
	{"github.com/twmb/franz-go", []string{"services/engine"}},
	// The process-wide logger and registry have no home: both are constructor arguments.
	{"github.com/rs/zerolog/log", nil},
}

// constructors are functions that only one package may call. Tests and doubles may too.
var constructors = []struct {
	library  string
	function string
	home     string
}{
	{"google.golang.org/grpc", "NewServer", "services/internal/rpc"},
	{"github.com/rs/zerolog", "New", "services/internal/host"},
	{"github.com/prometheus/client_golang/prometheus", "NewRegistry", "services/internal/host"},
	{"github.com/prometheus/client_golang/prometheus", "NewPedanticRegistry", ""},
	{"github.com/prometheus/client_golang/prometheus", "MustRegister", ""},
	{"github.com/prometheus/client_golang/prometheus", "Register", ""},
}

// starters are the packages of services, with those below them, that may start goroutines.
var starters = []string{
	"services/engine",
	"services/internal/host",
	"services/internal/rpc",
	"services/internal/stream",
	"services/processor/batch",
	// One question is evaluated by as many goroutines as there are processors.
	"services/query/answer",
}

// environment are the packages, besides programs and tools, that may read the environment.
var environment = []string{
	// It finds its library by WAYSTAGE_LIBCHDB, also where no configuration is loaded.
	"services/engine",
	// It is the body of every program's main.
	"services/internal/host",
}

// open are the packages of services that tools may import.
var open = []string{
	"services/journey",
	"services/journey/maps",
	"services/identity",
	"services/funnel",
	"services/world",
	"services/engine",
	"services/engine/broker",
	"services/engine/enginetest",
	"services/ingest",
	"services/processor",
	"services/query",
	"services/doctor",
	// The description of the API tells which answers are tables.
	"services/query/table",
}

// impure are packages of the standard library that pure packages must not import, and why. Each
// stands for all below it but the harmless ones.
var impure = map[string]string{
	"context":      "pure packages take no context",
	"crypto/rand":  "pure packages take randomness as an argument",
	"database/sql": "pure packages do no I/O",
	"expvar":       "pure packages have no metrics",
	"flag":         "pure packages are configured by arguments",
	"io/fs":        "pure packages do no I/O",
	"io/ioutil":    "pure packages do no I/O",
	"log":          "pure packages have no logger",
	"net":          "pure packages do no I/O",
	"os":           "pure packages do no I/O",
	"plugin":       "pure packages do no I/O",
	"runtime":      "pure packages do not depend on the process they run in",
	"syscall":      "pure packages do no I/O",
	"testing":      "only tests and doubles do",
}

var harmless = []string{"net/mail", "net/netip", "net/url"}

// clocks are functions of time that look at the clock.
var clocks = []string{
	"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
}
