mod combs;
mod round_trip;
