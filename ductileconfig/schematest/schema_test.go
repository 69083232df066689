package schematest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

// compiled returns the schema. Compiling checks it against the schema of schemas.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(ductileconfig.Schema()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("ductile.schema.json", document))
	schema, err := compiler.Compile("ductile.schema.json")
	require.NoError(t, err)
	return schema
}

// decoded returns a YAML text as the values that a JSON text would have.
func decoded(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal(text, &value))
	return value
}

func TestTheSchemaIsValidAndSaysItsDraft(t *testing.T) {
	schema := compiled(t)
	assert.Equal(t, 2020, schema.DraftVersion)
	assert.Contains(t, string(ductileconfig.Schema()), `"$schema": "https://json-schema.org/draft/2020-12/schema"`)
}

func TestTheSchemaIsTheCallersOwn(t *testing.T) {
	clear(ductileconfig.Schema())
	compiled(t)
}

func TestEveryFixtureMatchesTheSchema(t *testing.T) {
	schema := compiled(t)
	paths, err := filepath.Glob("../testdata/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(decoded(t, text)), path)
	}
}

func TestWhatLoadAcceptsMatchesTheSchema(t *testing.T) {
	schema := compiled(t)
	for _, text := range good {
		_, err := ductileconfig.Load(ductileconfig.Bytes("good.yaml", []byte(text)))
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(decoded(t, []byte(text))), text)
	}
}

var good = []string{
	"{}",
	"circuits:\npipelines:\n",
	"circuits: {a: null, b: {}, 'c d': {window: null}}",
	"circuits: {a: {window: 1h2m3.5s, failure_rate: 0, slow_rate: 0%, recovery_timeout: none}}",
	"circuits: {a: {window: none, failure_rate: none, window_calls: 0}}",
	"circuits: {'2024': {window: 1s}, 'true': {extends: 2024}}\npipelines: {p: {circuit: 2024}, q: {circuit: true}}",
	"circuits: {a: {window: 0s, window_calls: 10, failure_rate: 100.0%, min_calls: 10}, b: {window: 10s, failure_rate: 99.99%}}",
	"circuits: {a: {window: 10s, failure_rate: 0.5%, recovery_timeout: 0.5s}}",
	"budgets: {a: {ratio: 1000, min_per_second: none}, b: {ratio: 100000%, min_per_second: 0.5}}",
	"rate_limits: {a: {limit: 5, burst: none, max_wait: unlimited}}",
	"pipelines: {p: {retry: {max_attempts: unlimited, max_elapsed: 1s, base_delay: none, jitter_factor: none, backoff: fibonacci}}, q: {retry: {backoff: mine}}}",
	"pipelines: {p: {chaos: {rate: 1, seed: 18446744073709551615, error: x}}}",
	"defaults: {anything: [1, {a: b}], retry: {max_attempts: 3}, circuits: {usual: {window: 1s}}}\ncircuits: {a: {extends: usual}}",
}

func TestTheSchemaRefusesWhatLoadRefuses(t *testing.T) {
	schema := compiled(t)
	for _, text := range bad {
		_, err := ductileconfig.Load(ductileconfig.Bytes("bad.yaml", []byte(text)))
		require.Error(t, err, text)
		assert.Error(t, schema.Validate(decoded(t, []byte(text))), text)
	}
}

var bad = []string{
	"circits: {}",
	"[]",
	"extends: a",
	"circuits: []",
	"circuits: {a.b: {}}",
	"circuits: {'': {}}",
	"circuits: {a: 5}",
	"circuits: {a: {windw: 1s}}",
	"circuits: {a: {name: b}}",
	"circuits: {a: {window: 10}}",
	"circuits: {a: {window: 10 s}}",
	"circuits: {a: {window: -10s}}",
	"circuits: {a: {window: 2d}}",
	"circuits: {a: {window: unlimited}}",
	"circuits: {a: {failure_rate: 7}}",
	"circuits: {a: {failure_rate: -1}}",
	"circuits: {a: {window: 1s, failure_rate: 101%}}",
	"circuits: {a: {window: 1s, failure_rate: 100.1%}}",
	"circuits: {a: {recovery_timeout: 0s}}",
	"budgets: {a: {ratio: 0.0%}}",
	"budgets: {a: {ratio: 100001%}}",
	"budgets: {a: {window: 0h0m0s}}",
	"circuits: {a: {failure_rate: half}}",
	"circuits: {a: {failure_rate: '0.5'}}",
	"circuits: {a: {min_calls: 0}}",
	"circuits: {a: {min_calls: '20'}}",
	"circuits: {a: {min_calls: 1.5}}",
	"circuits: {a: {shadow: 1}}",
	"circuits: {a: {shadow: 'yes'}}",
	"budgets: {a: {ratio: 0}}",
	"bulkheads: {a: {limit: 1, order: random}}",
	"bulkheads: {a: {limit: 1, delay: {targt: 1s}}}",
	"pipelines: {p: {circuit: {}}}",
	"pipelines: {p: {retry: fast}}",
	"pipelines: {p: {retry: {max_attempts: never}}}",
	"pipelines: {p: {retry: {attempts: 3}}}",
	"families: {f: {pipeline: p, circuit: name}}",
	"defaults: {circuit: {windw: 1s}}",
}

// Every field of the types of a Spec that has a key in a file is in the schema, with a
// description. The fixture sets each of them, as a test beside it shows.
func TestTheSchemaDescribesEveryField(t *testing.T) {
	spec, err := ductileconfig.Load(ductileconfig.File("../testdata/everything.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, spec.Origins)
	schema := compiled(t)
	for path := range spec.Origins {
		field := at(schema, strings.Split(path, "."))
		if assert.NotNil(t, field, path) {
			assert.NotEmpty(t, field.Description, path)
		}
	}
	for i := range reflect.TypeFor[registry.Spec]().NumField() {
		if key := reflect.TypeFor[registry.Spec]().Field(i).Tag.Get("config"); key != "-" {
			assert.Contains(t, schema.Properties, key)
		}
	}
}

// at returns the schema of what is at a path.
func at(schema *jsonschema.Schema, path []string) *jsonschema.Schema {
	for _, key := range path {
		if schema = step(schema, key); schema == nil {
			return nil
		}
	}
	return schema
}

func step(schema *jsonschema.Schema, key string) *jsonschema.Schema {
	for schema.Ref != nil {
		schema = schema.Ref
	}
	if next := schema.Properties[key]; next != nil {
		return next
	}
	for _, one := range schema.AnyOf {
		if next := step(one, key); next != nil {
			return next
		}
	}
	next, _ := schema.AdditionalProperties.(*jsonschema.Schema)
	return next
}
