package promtest_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dashboard is what the tests read of a Grafana dashboard.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct{ Name, Definition string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct{ Expr, LegendFormat string }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../../docs/dashboards/ductile.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	require.NotEmpty(t, d.Panels)
	return d
}

// expressions returns the queries of the dashboard, with its variables replaced as Grafana
// does for "All".
func expressions(t *testing.T) (all []string) {
	t.Helper()
	d := readDashboard(t)
	replace := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$pipeline", ".*")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, replace.Replace(target.Expr))
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, replace.Replace(a.Expr))
	}
	for _, v := range d.Templating.List {
		if match := regexp.MustCompile(`^label_values\((.+), \w+\)$`).FindStringSubmatch(v.Definition); match != nil {
			all = append(all, replace.Replace(match[1]))
		}
	}
	return all
}

func TestThePanelsOfTheDashboardAreWhole(t *testing.T) {
	d := readDashboard(t)
	ids := map[int]bool{}
	for i, p := range d.Panels {
		assert.False(t, ids[p.ID], "%s: id %d is used twice", p.Title, p.ID)
		ids[p.ID] = true
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			apart := a.X+a.W <= b.X || b.X+b.W <= a.X || a.Y+a.H <= b.Y || b.Y+b.H <= a.Y
			assert.True(t, apart, "%s is on %s", p.Title, other.Title)
		}
		if p.Type != "row" {
			assert.NotEmpty(t, p.Description, p.Title)
			assert.NotEmpty(t, p.Targets, p.Title)
		}
	}
}

// busy fills a database with series of every metric, and returns the time of the last.
func busy(t *testing.T, db *database) (end time.Time) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.scrape(db)
		s.during(db, time.Minute, func(int) {
			s.together(2, time.Millisecond)
			_ = s.call(500*time.Millisecond, errDown)
		})
		s.during(db, 45*time.Second, s.down)
		s.scrape(db)
		end = time.Now()
	})
	return end
}

// known returns the labels of each metric in db.
func known(db *database) map[string][]string {
	all := map[string][]string{}
	for _, one := range db.series {
		name := one.labels.Get("__name__")
		one.labels.Range(func(l labels.Label) {
			if !slices.Contains(all[name], l.Name) {
				all[name] = append(all[name], l.Name)
			}
		})
	}
	return all
}

// uses asserts that an expression names only metrics that exist, and their labels.
func uses(t *testing.T, metrics map[string][]string, expr string) {
	t.Helper()
	parsed, err := promQL.ParseExpr(expr)
	require.NoError(t, err, expr)
	var labelsOf []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			with, exists := metrics[v.Name]
			assert.True(t, exists, "no metric %s, in %s", v.Name, expr)
			for _, m := range v.LabelMatchers {
				assert.Contains(t, with, m.Name, expr)
			}
			labelsOf = append(labelsOf, with...)
		}
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, name := range a.Grouping {
				assert.Contains(t, labelsOf, name, expr)
			}
		}
		return nil
	})
}

func TestTheDashboardUsesMetricsThatExist(t *testing.T) {
	db := &database{format: protobuf}
	busy(t, db)
	metrics := known(db)
	for _, expr := range expressions(t) {
		uses(t, metrics, expr)
	}
}

func TestTheRulesUseMetricsThatExist(t *testing.T) {
	db := &database{format: protobuf}
	busy(t, db)
	metrics := known(db)
	for _, r := range rules(t) {
		uses(t, metrics, r.Expr)
	}
}

// With classic and with native histograms.
func TestEachQueryOfTheDashboardHasAnAnswer(t *testing.T) {
	for name, db := range databases() {
		end := busy(t, db)
		for _, expr := range expressions(t) {
			assert.NotEmpty(t, query(t, db, expr, end), "%s: %s", name, expr)
		}
	}
}

// Each legend shows labels that the answer has.
func TestLegendsNameLabelsOfTheirQueries(t *testing.T) {
	db := &database{format: protobuf}
	end := busy(t, db)
	replace := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$pipeline", ".*")
	legend := regexp.MustCompile(`{{(\w+)}}`)
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for _, one := range query(t, db, replace.Replace(target.Expr), end) {
				for _, match := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
					assert.NotEmpty(t, one.Metric.Get(match[1]), "%s: %s of %v", p.Title, match[1], one.Metric)
				}
			}
		}
	}
}
