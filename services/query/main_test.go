package query

import (
	"testing"

	"github.com/waystage/waystage/services/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }
