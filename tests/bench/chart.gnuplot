# SPDX-License-Identifier: BSD-2-Clause
# Two groups of bars, one bar with its number for each tracer. tests/bench/report sets: input, tracers (their number),
# output_path, title_text.
set terminal svg size 900,440 dynamic enhanced font "sans-serif,11" background "white"
set output output_path
set datafile separator "\t"
set multiplot layout 1,2 title title_text noenhanced
set style fill solid 0.9 noborder
set boxwidth 0.38
set xtics rotate by -30 noenhanced nomirror
set ytics nomirror
set grid ytics linecolor "#dddddd"
set border 3
set yrange [0:*]
set xrange [-0.6:tracers - 0.4]
set key top left
at_least_0(x) = x > 0 ? x : 0

set ylabel "added time of an exec, µs"
plot input using ($0 - 0.2):(at_least_0($2)) with boxes linecolor "#4477aa" title "1 worker", \
     input using ($0 + 0.2):(at_least_0($3)) with boxes linecolor "#ee6677" title "2 workers", \
     input using ($0 - 0.2):(at_least_0($2)):(sprintf("%.1f", $2)) with labels offset 0,0.6 font ",8" notitle, \
     input using ($0 + 0.2):(at_least_0($3)):(sprintf("%.1f", $3)) with labels offset 0,0.6 font ",8" notitle, \
     input using 0:(0):xtic(1) with points pointtype 0 notitle

set ylabel "CPU of the tracer's process for an exec, µs"
plot input using 0:(at_least_0($4)) with boxes linecolor "#228833" notitle, \
     input using 0:(at_least_0($4)):(sprintf("%.1f", $4)) with labels offset 0,0.6 font ",8" notitle, \
     input using 0:(0):xtic(1) with points pointtype 0 notitle
unset multiplot
