//! Drawing, by `plotters`.

use super::Plot;
use plotters::prelude::*;

/// Size of a plot in points.
const SIZE: (u32, u32) = (800, 420);

impl Plot {
    /// The plot as SVG.
    ///
    /// # Errors
    /// One sentence when it cannot be drawn.
    pub fn svg(&self) -> Result<String, String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| format!("{}.svg cannot be drawn: {error}", self.name))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|(x, y)| x.is_finite() && y.is_finite());
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        let (right, top) = (most(|point| point.0), most(|point| point.1) * 1.05);
        let end = |value: f64| if value > 0.0 { value } else { 1.0 };
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(78)
            .build_cartesian_2d(0.0..end(right), 0.0..end(top))?;
        chart.configure_mesh().x_desc(self.x).y_desc(self.y).light_line_style(WHITE).draw()?;
        for (number, line) in self.lines.iter().enumerate() {
            let colour = Palette99::pick(number).stroke_width(2);
            let drawn = line.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            chart
                .draw_series(LineSeries::new(drawn, colour))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
        }
        chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
        root.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    #[test]
    fn a_plot_is_svg_with_its_lines_and_names() {
        let line = |name: &str, points: &[(f64, f64)]| Line { name: name.to_owned(), points: points.to_vec() };
        let lines = vec![line("heard <all>", &[(0.0, 0.0), (1.0, 2.0)]), line("odd", &[(0.5, f64::NAN), (1.0, 1.0)])];
        let plot = Plot { name: "p", title: "Delivery".into(), x: "minutes", y: "share", lines };
        let svg = plot.svg().expect("it can be drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for word in ["Delivery", "minutes", "share", "heard &lt;all&gt;", "<polyline"] {
            assert!(svg.contains(word), "{word} is not in {svg}");
        }
        assert!(!svg.contains("NaN"));
        assert!(Plot { lines: Vec::new(), ..plot }.svg().is_ok(), "nothing to draw is no error");
    }
}
