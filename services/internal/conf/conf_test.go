package conf_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/conf"
)

type brokers struct {
	Addresses []string      `env:"WAYSTAGE_T_BROKERS,required" doc:"Addresses of brokers."`
	DialSpan  time.Duration `env:"WAYSTAGE_T_DIAL" envDefault:"5s" doc:"Time to connect."`
}

type config struct {
	Kafka    brokers
	MaxBytes int     `env:"WAYSTAGE_T_MAX_BYTES" envDefault:"1024" unit:"bytes" doc:"A | B."`
	Share    float64 `env:"WAYSTAGE_T_SHARE" envDefault:"0.5" unit:"share" doc:"Of all."`
	Debug    bool    `env:"WAYSTAGE_T_DEBUG" doc:"Says more."`
	Token    string  `env:"WAYSTAGE_T_TOKEN" secret:"true" doc:"Opens all."`
	Pin      uint16  `env:"WAYSTAGE_T_PIN" secret:"true" unit:"1" doc:"Opens the door."`
	Hook     func()
}

func (c *config) Validate() error {
	if c.MaxBytes < 1 {
		return errors.New("WAYSTAGE_T_MAX_BYTES: want 1 or more")
	}
	return nil
}

func TestLoad(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got config
	err := conf.Load(&got, []string{
		"PATH=/bin",
		"WAYSTAGE_T_BROKERS=a:1,b:2",
		"WAYSTAGE_T_MAX_BYTES=",
		"WAYSTAGE_T_DEBUG=true",
		"WAYSTAGE_T_TOKEN_FILE=" + secret,
		"WAYSTAGE_T_ELSEWHERE=1",
	}, "WAYSTAGE_T_ELSEWHERE")
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Kafka:    brokers{Addresses: []string{"a:1", "b:2"}, DialSpan: 5 * time.Second},
		MaxBytes: 1024,
		Share:    0.5,
		Debug:    true,
		Token:    "s3cret",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadNamesEveryMistakeAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		want    []string
	}{
		"all sorts": {
			environ: []string{
				"WAYSTAGE_T_MAX_BYTES=many",
				"WAYSTAGE_T_SHARE=half",
				"WAYSTAGE_T_DIAL=5",
				"WAYSTAGE_T_DEBUG=perhaps",
				"WAYSTAGE_T_BROKER=a:1",
				"WAYSTAGE_T_PIN=hunter2",
			},
			want: []string{
				"WAYSTAGE_T_BROKER: no program knows it; check its spelling",
				"WAYSTAGE_T_BROKERS: not set, but required: Addresses of brokers.",
				`WAYSTAGE_T_DIAL: "5" is no length of time such as "1m30s"`,
				`WAYSTAGE_T_MAX_BYTES: "many" is no whole number of bytes (int)`,
				`WAYSTAGE_T_SHARE: "half" is no number (share)`,
				`WAYSTAGE_T_DEBUG: "perhaps" is no true or false`,
				"WAYSTAGE_T_PIN: the value (hidden) is no whole number of 1 (uint16)",
			},
		},
		"refused by the program": {
			environ: []string{"WAYSTAGE_T_BROKERS=a:1", "WAYSTAGE_T_MAX_BYTES=0"},
			want:    []string{"WAYSTAGE_T_MAX_BYTES: want 1 or more"},
		},
		"secret twice": {
			environ: []string{
				"WAYSTAGE_T_BROKERS=a:1", "WAYSTAGE_T_TOKEN=x", "WAYSTAGE_T_TOKEN_FILE=/y",
			},
			want: []string{
				"WAYSTAGE_T_TOKEN and WAYSTAGE_T_TOKEN_FILE are both set; unset one",
			},
		},
		"file for what is no secret": {
			environ: []string{"WAYSTAGE_T_BROKERS=a:1", "WAYSTAGE_T_DEBUG_FILE=/y"},
			want:    []string{"WAYSTAGE_T_DEBUG_FILE: no program knows it; check its spelling"},
		},
		"secret's file away": {
			environ: []string{"WAYSTAGE_T_BROKERS=a:1", "WAYSTAGE_T_TOKEN_FILE=/none/such"},
			want: []string{
				"WAYSTAGE_T_TOKEN_FILE: open /none/such: no such file or directory",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := conf.Load(&config{}, c.environ)
			if err == nil {
				t.Fatal("no error")
			}
			want := "reading the configuration:\n" + strings.Join(c.want, "\n")
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakesOfTheProgrammer(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  any
		want string
	}{
		"no pointer": {config{}, "a configuration is a pointer to a struct, not conf_test.config"},
		"no doc": {
			&struct {
				A string `env:"WAYSTAGE_T_A"`
			}{},
			"WAYSTAGE_T_A has no doc tag",
		},
		"no unit": {
			&struct {
				A int `env:"WAYSTAGE_T_A" doc:"A."`
			}{},
			"WAYSTAGE_T_A is a number without a unit tag",
		},
		"no prefix": {
			&struct {
				A string `env:"A" doc:"A."`
			}{},
			"its variable A does not begin with WAYSTAGE_",
		},
		"twice": {
			&struct {
				A string `env:"WAYSTAGE_T_A" doc:"A."`
				B string `env:"WAYSTAGE_T_A" doc:"B."`
			}{},
			"WAYSTAGE_T_A stands in two fields",
		},
		"secret with a default": {
			&struct {
				A string `env:"WAYSTAGE_T_A" doc:"A." secret:"true" envDefault:"x"`
			}{},
			"WAYSTAGE_T_A is a secret with a default",
		},
		"bad default": {
			&struct {
				A int `env:"WAYSTAGE_T_A" doc:"A." unit:"1" envDefault:"x"`
			}{},
			`WAYSTAGE_T_A: the default "x" is no whole number of 1 (int)`,
		},
		"type that cannot be read": {
			&struct {
				A chan int `env:"WAYSTAGE_T_A" doc:"A." envDefault:"x"`
			}{},
			"WAYSTAGE_T_A: no setting can be of type chan int",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := conf.Load(c.cfg, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one that holds %q", err, c.want)
			}
		})
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	cfg := config{Kafka: brokers{Addresses: []string{"a:1", "b:2"}}, Token: "s3cret", Share: 0.25}
	var b strings.Builder
	if err := conf.Print(&b, &cfg); err != nil {
		t.Fatal(err)
	}
	const want = `WAYSTAGE_T_BROKERS=a:1,b:2
WAYSTAGE_T_DIAL=0s
WAYSTAGE_T_MAX_BYTES=0
WAYSTAGE_T_SHARE=0.25
WAYSTAGE_T_DEBUG=false
WAYSTAGE_T_TOKEN=***
WAYSTAGE_T_PIN=
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("print (-want +got):\n%s", diff)
	}
}

func TestDocument(t *testing.T) {
	var b strings.Builder
	if err := conf.Document(&b, "ingest", &config{}); err != nil {
		t.Fatal(err)
	}
	const want = "## ingest\n\n" +
		"| variable | meaning | unit | default | secret |\n| --- | --- | --- | --- | --- |\n" +
		"| `WAYSTAGE_T_BROKERS` | Addresses of brokers. |  | required | no |\n" +
		"| `WAYSTAGE_T_DIAL` | Time to connect. | time, such as `1m30s` | `5s` | no |\n" +
		"| `WAYSTAGE_T_MAX_BYTES` | A \\| B. | bytes | `1024` | no |\n" +
		"| `WAYSTAGE_T_SHARE` | Of all. | share | `0.5` | no |\n" +
		"| `WAYSTAGE_T_DEBUG` | Says more. |  |  | no |\n" +
		"| `WAYSTAGE_T_TOKEN` | Opens all. |  |  | yes, or `WAYSTAGE_T_TOKEN_FILE` |\n" +
		"| `WAYSTAGE_T_PIN` | Opens the door. | 1 |  | yes, or `WAYSTAGE_T_PIN_FILE` |\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	got, err := conf.Names(&brokers{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"WAYSTAGE_T_BROKERS", "WAYSTAGE_T_DIAL"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
