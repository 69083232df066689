package ductilegrpc_test

import (
	"testing"

	"github.com/ductile-go/ductile/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
