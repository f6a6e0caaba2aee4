package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a broker may take to end before it is killed.
const stopTimeout = 30 * time.Second

// tailBytes is how much of a broker's log a failed start shows.
const tailBytes = 4000

// libsVariable names the directory of the jars.
const libsVariable = "WAYSTAGE_KAFKA_LIBS"

var errNoLibs = errors.New("the jars of Apache Kafka are missing; run " +
	"\"mvn -q -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=libs\" " +
	"in the project's root, or name their directory in " + libsVariable)

// FindLibs gives the directory of the jars: that of WAYSTAGE_KAFKA_LIBS, else deploy/kafka/libs,
// looked for from the working directory upwards.
func FindLibs() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("the broker needs Java 17 or later: %w", err)
	}
	if libs := os.Getenv(libsVariable); libs != "" {
		return libs, hasJars(libs)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		libs := filepath.Join(dir, "deploy", "kafka", "libs")
		if hasJars(libs) == nil {
			return libs, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoLibs
		}
		dir = parent
	}
}

func hasJars(dir string) error {
	jars, err := filepath.Glob(filepath.Join(dir, "kafka_*.jar"))
	if err != nil || len(jars) == 0 {
		return fmt.Errorf("no kafka_*.jar in %s: %w", dir, errNoLibs)
	}
	return nil
}

// properties is the configuration of a broker that is its own controller and keeps one copy of
// everything. Groups need not wait: members may be silent for a second only, and the first one
// does not wait for others.
func properties(dir string, brokerPort, controllerPort int) []byte {
	return fmt.Appendf(nil, `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
auto.create.topics.enable=false
delete.topic.enable=true
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
`, brokerPort, controllerPort, filepath.Join(dir, "log"))
}

// format prepares the directory of the log.
func format(libs, config string) error {
	tool := exec.CommandContext(context.Background(), "java", "-cp",
		filepath.Join(libs, "*"), "kafka.tools.StorageTool",
		"format", "-t", "d2F5c3RhZ2UtdGVzdHMtMQ", "-c", config)
	if out, err := tool.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting Kafka's directory: %w\n%s", err, out)
	}
	return nil
}

// process is a running broker.
type process struct {
	command *exec.Cmd
	log     string
	// guard is held open: when this process dies without ending the broker, it closes.
	guard *os.File
	ended chan struct{}
}

// guarded becomes Java, and leaves a child behind that ends it when the guard closes.
const guarded = `(cat <&3 >/dev/null; kill -9 $$) & exec 3<&- java "$@"`

func launch(libs, config, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	kept, guard, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	command := exec.CommandContext(context.Background(), "sh", "-c", guarded, "kafka",
		"-Xms128m", "-Xmx384m",
		"-XX:TieredStopAtLevel=1", "-cp", filepath.Join(libs, "*"), "kafka.Kafka", config)
	command.Stdout, command.Stderr = out, out
	command.ExtraFiles = []*os.File{kept}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	p := &process{command: command, log: log, guard: guard, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = command.Wait()
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) error { return p.command.Process.Signal(s) }

// end sends the signal and waits; a broker that does not follow is killed.
func (p *process) end(s syscall.Signal) error {
	err := p.signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		err = errors.Join(err, fmt.Errorf("%v did not end it", s), p.signal(syscall.SIGKILL))
		<-p.ended
	}
	// What is left of the group is the guard's child. It must end before the guard closes.
	if left := syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL); left != syscall.ESRCH {
		err = errors.Join(err, left)
	}
	return errors.Join(err, p.guard.Close())
}

// tail is the end of the broker's log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-tailBytes):]))
}
