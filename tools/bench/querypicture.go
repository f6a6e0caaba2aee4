package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
)

// point is what the plain question over everything took on a world of a size: seconds of the
// processors, engine and service together, since those of the clock swing with what else runs.
type point struct {
	Touchpoints int     `json:"touchpoints"`
	Ours        float64 `json:"waystage_seconds"`
	Plain       float64 `json:"plain_seconds"`
	Limit       float64 `json:"limit_seconds"`
}

// keepPoint remembers what the plain question over everything took.
func (b *queryBench) keepPoint(all []runs) {
	for _, r := range all {
		if r.form == forms()[0].title && r.span == spans()[everything].name && r.err == nil {
			b.point = &point{
				b.touchpoints, middle(r.ours, cpuOf).Seconds(),
				middle(r.plain, cpuOf).Seconds(), middle(r.limit, cpuOf).Seconds(),
			}
		}
	}
}

// draw adds the point to those of earlier runs on worlds of other sizes, and draws all of them.
func (b *queryBench) draw() error {
	if b.picture == "" || b.point == nil {
		return nil
	}
	points, err := readPoints(b.points)
	if err != nil {
		return err
	}
	points = slices.DeleteFunc(points, func(p point) bool {
		return p.Touchpoints == b.point.Touchpoints
	})
	points = append(points, *b.point)
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.Touchpoints, b.Touchpoints) })
	text, err := json.MarshalIndent(points, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the points: %w", err)
	}
	if err := os.WriteFile(b.points, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keeping the points: %w", err)
	}
	if err := os.WriteFile(b.picture, []byte(pictureOf(points)), 0o600); err != nil {
		return fmt.Errorf("drawing the curve: %w", err)
	}
	return nil
}

func readPoints(path string) ([]point, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the points of earlier runs: %w", err)
	}
	var points []point
	if err := json.Unmarshal(text, &points); err != nil {
		return nil, fmt.Errorf("reading the points of earlier runs: %w", err)
	}
	return points, nil
}

// The picture: both axes are logarithmic, so that a cost that grows as the size does is a straight
// line at the slope of the grey one.
const (
	pictureWidth, pictureHeight = 640, 420
	plotLeft, plotRight         = 90, 500
	plotTop, plotBottom         = 30, 350
)

// scale maps decades onto the picture.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

// around is the scale of whole decades around values.
func around(values []float64, from, to float64) scale {
	low, high := math.Floor(math.Log10(slices.Min(values))), math.Ceil(math.Log10(slices.Max(values)))
	return scale{low, max(high, low+1), from, to}
}

// line is a curve of the picture.
type line struct {
	class, name string
	of          func(point) float64
}

var lines = []line{
	{"plain", "plain windowFunnel", func(p point) float64 { return p.Plain }},
	{"ours", "Waystage", func(p point) float64 { return p.Ours }},
	{"limit", "reading alone", func(p point) float64 { return p.Limit }},
}

func pictureOf(points []point) string {
	var sizes, times []float64
	for _, p := range points {
		sizes = append(sizes, float64(p.Touchpoints))
		times = append(times, p.Ours, p.Plain, p.Limit)
	}
	x, y := around(sizes, plotLeft, plotRight), around(times, plotBottom, plotTop)
	var b strings.Builder
	fmt.Fprintf(&b, pictureHead, pictureWidth, pictureHeight, pictureWidth, pictureHeight)
	for d := x.low; d <= x.high; d++ {
		at := x.at(math.Pow(10, d))
		fmt.Fprintf(&b, "  <path class=\"grid\" d=\"M%.1f %d V%d\"/>\n", at, plotTop, plotBottom)
		fmt.Fprintf(&b, "  <text class=\"what\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			at, plotBottom+22, count(math.Pow(10, d)))
	}
	for d := y.low; d <= y.high; d++ {
		at := y.at(math.Pow(10, d))
		fmt.Fprintf(&b, "  <path class=\"grid\" d=\"M%d %.1f H%d\"/>\n", plotLeft, at, plotRight)
		fmt.Fprintf(&b, "  <text class=\"what\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g s</text>\n",
			plotLeft-8, at+5, math.Pow(10, d))
	}
	for _, l := range lines {
		b.WriteString(curve(l, points, x, y))
	}
	fmt.Fprintf(&b, "  <text class=\"what\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">"+
		"touchpoints on the map</text>\n</svg>\n", (plotLeft+plotRight)/2, plotBottom+48)
	return b.String()
}

func curve(l line, points []point, x, y scale) string {
	var path, dots strings.Builder
	command := "M"
	var endX, endY float64
	for _, p := range points {
		endX, endY = x.at(float64(p.Touchpoints)), y.at(l.of(p))
		fmt.Fprintf(&path, "%s%.1f %.1f ", command, endX, endY)
		fmt.Fprintf(&dots, "  <circle class=\"%s dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"+
			"<title>%s: %s touchpoints, %.3g s</title></circle>\n", l.class, endX, endY, l.name,
			count(float64(p.Touchpoints)), l.of(p))
		command = "L"
	}
	return fmt.Sprintf("  <path class=\"%s line\" d=\"%s\"/>\n%s  <text class=\"name\" x=\"%.1f\" "+
		"y=\"%.1f\">%s</text>\n", l.class, strings.TrimSpace(path.String()), dots.String(), endX+10,
		endY+5, l.name)
}

// count is a number such as 20 M.
func count(n float64) string {
	if n >= 1e6 {
		return fmt.Sprintf("%g M", n/1e6)
	}
	return fmt.Sprintf("%g k", n/1e3)
}

const pictureHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
  <title id="title">Processor seconds of a 7-step funnel over everything, by touchpoints</title>
  <style>
    .page { fill: #ffffff }
    .grid { stroke: #d5d9df; stroke-width: 1 }
    .name { font-size: 14px; font-weight: 600; fill: #1b1b1b }
    .what { font-size: 14px; fill: #3a3a3a }
    .line { fill: none; stroke-width: 2.5 }
    .line.ours { stroke: #3566b0 } .dot.ours { fill: #3566b0 }
    .line.plain { stroke: #a06a12 } .dot.plain { fill: #a06a12 }
    .line.limit { stroke: #777777; stroke-dasharray: 6 4 } .dot.limit { fill: #777777 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #14171c }
      .grid { stroke: #2c323a }
      .name { fill: #f2f2f2 }
      .what { fill: #cdd2d9 }
      .line.ours { stroke: #7fa8e8 } .dot.ours { fill: #7fa8e8 }
      .line.plain { stroke: #dfa84c } .dot.plain { fill: #dfa84c }
      .line.limit { stroke: #8b929c } .dot.limit { fill: #8b929c }
    }
  </style>
  <rect class="page" width="%d" height="%d" rx="10"/>
`
